#include "agent/client/lease_tracker.h"

#include <algorithm>

namespace coordhub::agent {

void LeaseTracker::Sent(int64_t sequence, base::MonoTime now) {
  unanswered_[sequence] = now;
  last_sent_ = now;
}

void LeaseTracker::Answered(int64_t sequence, absl::Duration ttl) {
  if (ttl > absl::ZeroDuration()) ttl_ = ttl;
  const auto it = unanswered_.find(sequence);
  if (it == unanswered_.end()) return;
  renewed_ = std::max(renewed_, it->second);
  // The stream keeps the order, so whatever was sent before is answered as well.
  unanswered_.erase(unanswered_.begin(), std::next(it));
}

base::MonoTime LeaseTracker::AnswerDue() const {
  if (unanswered_.empty()) return base::MonoTime::InfiniteFuture();
  return unanswered_.begin()->second + ttl_ / 3;
}

}  // namespace coordhub::agent
