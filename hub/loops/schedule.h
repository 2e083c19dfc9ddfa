// When a loop works, and what state that makes: pure, so that tests move the time by hand.

#pragma once

#include <optional>

#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "coordhub/v1/hub.pb.h"
#include "hub/loops/loop.h"

namespace coordhub::loops {

// The times of one loop. Steps stand on a grid: neither the length of a step nor wake-ups, requests
// and retries in between move it; what was missed is made up for once. Not thread-safe.
class Schedule {
 public:
  // The first step is due at `first`. A failed step is tried again after `retry`, then twice as
  // long each time, and on the grid in any case.
  Schedule(absl::Duration interval, absl::Duration retry, base::MonoTime first);

  absl::Duration interval() const { return interval_; }

  // When there is work, as things stand; InfiniteFuture: not before they change.
  base::MonoTime NextWork() const;
  // The next step that is due by the timer; InfiniteFuture: paused, or work is under way.
  base::MonoTime NextStep() const;

  // Begins what is due at `now`; nullopt: nothing is.
  std::optional<Cause> Begin(base::MonoTime now);
  // Ends what was begun; returns how long it took.
  absl::Duration End(const Outcome& outcome, base::MonoTime now);

  // Work is to begin at `at`, or when the loop may.
  void Wake(base::MonoTime at);
  // A step that begins from now on, whatever the state.
  void Request() { requested_ = true; }
  void Pause() { paused_ = true; }
  // A paused loop steps at `now`; the grid begins there again.
  void Resume(base::MonoTime now);

  bool working() const { return begun_.has_value(); }
  // When the work under way makes the loop STALLED; InfiniteFuture: there is none.
  base::MonoTime StallsAt() const;
  v1::Loop::State StateAt(base::MonoTime now) const;
  // In a row.
  int failures() const { return failures_; }

 private:
  absl::Duration Backoff() const;

  absl::Duration interval_;
  absl::Duration retry_;
  base::MonoTime step_due_;
  // InfiniteFuture: nothing of the kind.
  base::MonoTime retry_due_ = base::MonoTime::InfiniteFuture();
  base::MonoTime asked_due_ = base::MonoTime::InfiniteFuture();
  base::MonoTime woken_ = base::MonoTime::InfiniteFuture();
  // What woken_ waits for.
  base::MonoTime earliest_ = base::MonoTime::InfinitePast();
  bool requested_ = false;
  bool paused_ = false;
  std::optional<base::MonoTime> begun_;
  int failures_ = 0;
};

}  // namespace coordhub::loops
