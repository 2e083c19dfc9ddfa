#include "hub/rpc/unread_answers.h"

#include <optional>
#include <utility>
#include <vector>

#include "hub/rpc/stream_timer.h"
#include "hub/rpc/unary_call.h"

namespace coordhub::rpc {

bool UnreadAnswers::TryAdd(const std::shared_ptr<UnaryCall>& call, ConnectionKey connection,
                           size_t bytes) {
  if (bytes_.fetch_add(bytes) + bytes > kBytesInAll) {
    bytes_ -= bytes;
    return false;
  }
  if (bytes < kLarge) return true;
  if (!shares_.TryTake(connection, bytes)) {
    bytes_ -= bytes;
    return false;
  }
  Watch(call);
  return true;
}

void UnreadAnswers::Watch(const std::shared_ptr<UnaryCall>& call) {
  const base::MonoTime now = clock_.Mono();
  bool is_first = false;
  {
    base::MutexLock lock(&mu_);
    is_first = large_.empty();
    large_.push_back({call.get(), call, now});
    by_call_[call.get()] = std::prev(large_.end());
  }
  if (is_first) timer_.Set(shared_from_this(), now + patience_);
}

void UnreadAnswers::Remove(const UnaryCall* call, ConnectionKey connection, size_t bytes) {
  bytes_ -= bytes;
  if (bytes < kLarge) return;
  shares_.GiveBack(connection, bytes);
  base::MutexLock lock(&mu_);
  const auto found = by_call_.find(call);
  if (found == by_call_.end()) return;
  large_.erase(found->second);
  by_call_.erase(found);
}

void UnreadAnswers::OnTimer() {
  const base::MonoTime now = clock_.Mono();
  std::vector<std::shared_ptr<UnaryCall>> late;
  std::optional<base::MonoTime> next;
  {
    base::MutexLock lock(&mu_);
    while (!large_.empty() && now - large_.front().since >= patience_) {
      // Remove is called for it all the same.
      if (auto call = large_.front().call.lock()) late.push_back(std::move(call));
      by_call_.erase(large_.front().key);
      large_.pop_front();
    }
    if (!large_.empty()) next = large_.front().since + patience_;
  }
  for (const auto& call : late) call->CutOff();
  if (next.has_value()) timer_.Set(shared_from_this(), *next);
}

}  // namespace coordhub::rpc
