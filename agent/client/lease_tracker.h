// When a session's lease is safe, and when to renew it: pure, handed the time.

#pragma once

#include <cstdint>
#include <map>

#include "absl/time/time.h"
#include "agent/base/clock.h"

namespace coordhub::agent {

// The hub counts a session's TTL from the moment that it hears from the agent, which is not before
// the agent spoke. So the lease is safe until one TTL after the sending of the last message that
// was answered: the agent learns that it may have lost its claims before the hub can give them
// away.
//
// (On another machine than the hub's, the time that this machine spends suspended is not counted;
// the first answer after waking tells.)
//
// Not thread-safe.
class LeaseTracker {
 public:
  // `renewed`: when a call was sent that the hub answered with this `ttl`, a positive time.
  LeaseTracker(absl::Duration ttl, base::MonoTime renewed) : ttl_(ttl), renewed_(renewed) {}

  // Message `sequence` (positive, rising) is sent.
  void Sent(int64_t sequence, base::MonoTime now);
  // After the message just sent the next one follows sooner: after this part (0 to 1) of the time.
  // For the first of a stream, so that agents that come back together do not stay together.
  void SendNextAfter(double part) { part_ = part; }
  // It was answered. 0, or an unknown one, proves nothing. `ttl`: the hub's; not positive:
  // unchanged.
  void Answered(int64_t sequence, absl::Duration ttl);
  // The stream is gone; what it carried is not answered any more.
  void Broken() { unanswered_.clear(); }

  absl::Duration ttl() const { return ttl_; }
  bool Safe(base::MonoTime now) const { return now < SafeUntil(); }
  base::MonoTime SafeUntil() const { return renewed_ + ttl_; }

  // When to send again: a third of the TTL after the last sending, or up to a 32nd of that earlier,
  // on a tick that agents of this TTL on this machine share: the hub, which a beat costs less than
  // its waking, wakes for many at once.
  base::MonoTime NextSend() const;
  // When the stream counts as dead: a third of the TTL after the oldest unanswered sending.
  base::MonoTime AnswerDue() const;

 private:
  absl::Duration ttl_;
  base::MonoTime renewed_;  // when the last answered message was sent
  double part_ = 1;         // of a third of the TTL, until the next message
  base::MonoTime last_sent_ = base::MonoTime::InfinitePast();
  std::map<int64_t, base::MonoTime> unanswered_;  // by sequence
};

}  // namespace coordhub::agent
