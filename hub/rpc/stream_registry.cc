#include "hub/rpc/stream_registry.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "hub/core/decide/refusals.h"

namespace coordhub::rpc {

absl::Status StreamRegistry::Add(const std::shared_ptr<Stream>& stream) {
  base::MutexLock lock(&mu_);
  if (streams_.size() >= max_streams_) {
    return core::LimitReached("streams", static_cast<int64_t>(max_streams_),
                              absl::StrCat(max_streams_, " streams are open"));
  }
  streams_.emplace(stream.get(), stream);
  return absl::OkStatus();
}

void StreamRegistry::Remove(const Stream* stream) {
  base::MutexLock lock(&mu_);
  streams_.erase(stream);
}

void StreamRegistry::TellDrain(const engine::Workspace* workspace) {
  std::vector<std::shared_ptr<Stream>> open;
  {
    base::MutexLock lock(&mu_);
    open.reserve(streams_.size());
    for (const auto& [key, stream] : streams_) {
      if (auto alive = stream.lock()) open.push_back(std::move(alive));
    }
  }
  for (const auto& stream : open) stream->OnDrain(workspace);
}

size_t StreamRegistry::size() const {
  base::MutexLock lock(&mu_);
  return streams_.size();
}

}  // namespace coordhub::rpc
