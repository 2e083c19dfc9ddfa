// A Clock that stands still until it is moved. For tests and simulations.

#pragma once

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/base/mutex.h"

namespace coordhub::base {

// Thread-safe.
class ManualClock final : public Clock {
 public:
  // The default start is an hour after the monotonic origin (so that tests may look back) and
  // 2025-07-29 12:00:00 UTC.
  ManualClock() : ManualClock({3'600'000'000'000}, absl::FromUnixSeconds(1'753'790'400)) {}
  ManualClock(MonoTime mono, absl::Time wall) : mono_(mono), wall_(wall) {}

  MonoTime Mono() const override { return Now().mono; }
  absl::Time Wall() const override { return Now().wall; }
  base::Now Now() const override {
    MutexLock lock(&mu_);
    return {mono_, wall_};
  }

  // Lets both clocks run on by `d`, which is not negative.
  void Advance(absl::Duration d) {
    MutexLock lock(&mu_);
    mono_ += d;
    wall_ += d;
  }

  // Sets the wall clock, forwards or back, as an administrator would. Monotonic time stays.
  void SetWall(absl::Time wall) {
    MutexLock lock(&mu_);
    wall_ = wall;
  }

 private:
  mutable Mutex mu_;
  MonoTime mono_ ABSL_GUARDED_BY(mu_);
  absl::Time wall_ ABSL_GUARDED_BY(mu_);
};

}  // namespace coordhub::base
