// Events on their way out, without encoding any of them again.

#pragma once

#include <cstddef>
#include <vector>

#include "grpcpp/support/byte_buffer.h"
#include "hub/engine/broadcaster.h"

namespace coordhub::rpc {

// What one message of a watch carries at the most. Larger ones save little, and a watcher that
// stopped reading would keep more of them.
inline constexpr size_t kMaxEventsPerWrite = 2'000;
inline constexpr size_t kMaxBytesPerWrite = 512 << 10;

// Frames up to this size are copied next to each other: cheaper than a slice of their own, which
// costs an allocation and an entry in the kernel's gather list. Longer ones are shared by all
// watchers.
inline constexpr size_t kCopiedFrameBytes = 1'024;

// The serialized WatchEventsResponse with these events. Long frames are shared with `events`, and
// live until the last message that has them is sent. Any thread.
grpc::ByteBuffer JoinFrames(const std::vector<engine::EncodedEvent>& events);

}  // namespace coordhub::rpc
