// Messages of a watch that several watchers get alike.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "agent/base/mutex.h"
#include "grpcpp/support/byte_buffer.h"

namespace coordhub::rpc {

// A message with all events after one revision up to another.
struct JoinedMessage {
  int64_t after = 0;
  int64_t last = 0;
  bool at_boundary = false;
  size_t events = 0;
  grpc::ByteBuffer bytes;
};

// The newest messages that watchers without a filter were sent: those who stand at the same
// revision get the same bytes, which are then neither read from the ring nor joined again. Holds a
// few, each no larger than a message of a watch may be. Any thread; `mu_` is a leaf.
class JoinedMessages {
 public:
  // The message after this revision, if it goes as far as there are events: to `published`.
  std::optional<JoinedMessage> Find(int64_t after, int64_t published) const;
  // Takes the place of the oldest.
  void Keep(JoinedMessage message);

 private:
  static constexpr size_t kKept = 4;

  mutable base::Mutex mu_;
  std::array<JoinedMessage, kKept> kept_ ABSL_GUARDED_BY(mu_);
  size_t next_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace coordhub::rpc
