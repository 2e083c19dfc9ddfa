#include "hub/loops/schedule.h"

#include <algorithm>
#include <limits>

#include "agent/base/mutant.h"

namespace coordhub::loops {

using base::MonoTime;

Schedule::Schedule(absl::Duration interval, absl::Duration retry, MonoTime first)
    : interval_(interval), retry_(std::min(retry, interval)), step_due_(first) {}

MonoTime Schedule::NextWork() const {
  if (working()) return MonoTime::InfiniteFuture();
  if (requested_) return MonoTime::InfinitePast();
  if (paused_) return MonoTime::InfiniteFuture();
  MonoTime due = std::min({step_due_, retry_due_, asked_due_});
  if (woken_ != MonoTime::InfiniteFuture()) due = std::min(due, std::max(woken_, earliest_));
  return due;
}

MonoTime Schedule::NextStep() const {
  if (working() || paused_) return MonoTime::InfiniteFuture();
  if (requested_) return MonoTime::InfinitePast();
  return std::min(step_due_, retry_due_);
}

std::optional<Cause> Schedule::Begin(MonoTime now) {
  if (NextWork() > now) return std::nullopt;
  Cause cause = Cause::kWakeUp;
  if (requested_) {
    cause = Cause::kRequest;
  } else if (step_due_ <= now || failures_ > 0) {
    cause = Cause::kTimer;
  }
  if (step_due_ <= now) {
    const int64_t missed = (now - step_due_) / interval_;
    step_due_ += interval_ * (missed + 1);
  }
  requested_ = false;
  retry_due_ = asked_due_ = woken_ = MonoTime::InfiniteFuture();
  begun_ = now;
  return cause;
}

absl::Duration Schedule::End(const Outcome& outcome, MonoTime now) {
  const absl::Duration took = now - begun_.value_or(now);
  begun_.reset();
  asked_due_ = outcome.next;
  earliest_ = outcome.earliest;
  if (outcome.status.ok()) {
    failures_ = 0;
    return took;
  }
  if (failures_ < std::numeric_limits<int>::max()) ++failures_;
  retry_due_ = now + Backoff();
  if (earliest_ == MonoTime::InfinitePast()) earliest_ = retry_due_;
  return took;
}

absl::Duration Schedule::Backoff() const {
  // Beyond this many doublings the interval is shorter, whatever it is.
  constexpr int kMaxDoublings = 40;
  return std::min(interval_, retry_ * (int64_t{1} << std::min(failures_ - 1, kMaxDoublings)));
}

void Schedule::Wake(MonoTime at) { woken_ = std::min(woken_, at); }

void Schedule::Resume(MonoTime now) {
  if (!paused_) return;
  paused_ = false;
  step_due_ = now;
}

MonoTime Schedule::StallsAt() const {
  return working() ? *begun_ + interval_ : MonoTime::InfiniteFuture();
}

v1::Loop::State Schedule::StateAt(MonoTime now) const {
  if (now >= StallsAt() && !base::MutantActive("stall_not_reported")) {
    return v1::Loop::STATE_STALLED;
  }
  if (paused_) return v1::Loop::STATE_PAUSED;
  return failures_ > 0 ? v1::Loop::STATE_FAILED : v1::Loop::STATE_RUNNING;
}

}  // namespace coordhub::loops
