#include "hub/rpc/event_frames.h"

#include <algorithm>
#include <cstdint>
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

// The frames of [begin, end) one after the other, in memory of their own.
template <class Iterator>
grpc::Slice Copy(Iterator begin, Iterator end) {
  size_t size = 0;
  for (Iterator at = begin; at != end; ++at) size += at->frame->size();
  grpc_slice slice = grpc_slice_malloc(size);
  uint8_t* to = GRPC_SLICE_START_PTR(slice);
  for (Iterator at = begin; at != end; ++at)
    to = std::copy(at->frame->begin(), at->frame->end(), to);
  return grpc::Slice(slice, grpc::Slice::STEAL_REF);
}

}  // namespace

grpc::ByteBuffer JoinFrames(const std::vector<engine::EncodedEvent>& events) {
  std::vector<grpc::Slice> slices;
  const auto is_short = [](const engine::EncodedEvent& event) {
    return event.frame->size() <= kCopiedFrameBytes;
  };
  for (auto at = events.begin(); at != events.end();) {
    if (!is_short(*at)) {
      slices.push_back(Share((at++)->frame));
      continue;
    }
    const auto end = std::find_if_not(at, events.end(), is_short);
    slices.push_back(Copy(at, end));
    at = end;
  }
  return grpc::ByteBuffer(slices.data(), slices.size());
}

}  // namespace coordhub::rpc
