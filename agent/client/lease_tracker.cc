#include "agent/client/lease_tracker.h"

#include <algorithm>
#include <bit>

namespace coordhub::agent {
namespace {

// Ticks that a period between beats has, at least. Fewer would have the beats of a thousand agents
// come in larger crowds, which take the hub longer to answer.
constexpr int64_t kTicksPerPeriod = 32;

// A power of two of milliseconds, so that agents of other TTLs meet on every second or fourth tick;
// zero for a period too short to have ticks.
absl::Duration TickOf(absl::Duration period) {
  const auto longest = static_cast<uint64_t>(
      std::max<int64_t>(absl::ToInt64Milliseconds(period / kTicksPerPeriod), 0));
  return absl::Milliseconds(static_cast<int64_t>(std::bit_floor(longest)));
}

}  // namespace

void LeaseTracker::Sent(int64_t sequence, base::MonoTime now) {
  unanswered_[sequence] = now;
  last_sent_ = now;
  part_ = 1;
}

void LeaseTracker::Answered(int64_t sequence, absl::Duration ttl) {
  if (ttl > absl::ZeroDuration()) ttl_ = ttl;
  const auto it = unanswered_.find(sequence);
  if (it == unanswered_.end()) return;
  renewed_ = std::max(renewed_, it->second);
  // The stream keeps the order, so whatever was sent before is answered as well.
  unanswered_.erase(unanswered_.begin(), std::next(it));
}

base::MonoTime LeaseTracker::NextSend() const {
  if (last_sent_ == base::MonoTime::InfinitePast()) return last_sent_;
  const base::MonoTime due = last_sent_ + part_ * (ttl_ / 3);
  const int64_t tick_ns = absl::ToInt64Nanoseconds(TickOf(ttl_ / 3));
  if (tick_ns == 0) return due;
  return {due.ns - due.ns % tick_ns};
}

base::MonoTime LeaseTracker::AnswerDue() const {
  if (unanswered_.empty()) return base::MonoTime::InfiniteFuture();
  return unanswered_.begin()->second + ttl_ / 3;
}

}  // namespace coordhub::agent
