#include "hub/rpc/joined_messages.h"

#include <utility>

namespace coordhub::rpc {

std::optional<JoinedMessage> JoinedMessages::Find(int64_t after, int64_t published) const {
  base::MutexLock lock(&mu_);
  for (const JoinedMessage& message : kept_) {
    if (message.events > 0 && message.after == after && message.last == published) return message;
  }
  return std::nullopt;
}

void JoinedMessages::Keep(JoinedMessage message) {
  base::MutexLock lock(&mu_);
  std::swap(kept_[next_], message);  // the former one goes once the lock is free
  next_ = (next_ + 1) % kKept;
}

}  // namespace coordhub::rpc
