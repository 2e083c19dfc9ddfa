#include "hub/rpc/event_frames.h"

#include <memory>
#include <string>

#include "grpcpp/support/slice.h"

namespace coordhub::rpc {
namespace {

using Frame = std::shared_ptr<const std::string>;

// A slice that holds a reference to the frame as its user data.
grpc::Slice Share(const Frame& frame) {
  auto* reference = new Frame(frame);
  // gRPC takes a pointer to non-const bytes, but only reads them.
  return grpc::Slice(
      const_cast<char*>(frame->data()),
      frame->size(),  // NOLINT(cppcoreguidelines-pro-type-const-cast)
      [](void* user_data) { delete static_cast<Frame*>(user_data); }, reference);
}

}  // namespace

grpc::ByteBuffer JoinFrames(const std::vector<engine::EncodedEvent>& events) {
  std::vector<grpc::Slice> slices;
  std::string copied;
  const auto flush = [&] {
    if (copied.empty()) return;
    slices.emplace_back(copied.data(), copied.size());
    copied.clear();
  };
  for (const engine::EncodedEvent& event : events) {
    if (event.frame->size() <= kCopiedFrameBytes) {
      copied.append(*event.frame);
      continue;
    }
    flush();
    slices.push_back(Share(event.frame));
  }
  flush();
  return grpc::ByteBuffer(slices.data(), slices.size());
}

}  // namespace coordhub::rpc
