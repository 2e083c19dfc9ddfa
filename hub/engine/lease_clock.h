#pragma once

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/base/mutex.h"

namespace coordhub::engine {

// The clock that leases run on: monotonic time less the spans in which the hub itself did not run
// (stopped, suspended). Whoever uses it observes it, and while there are deadlines a heartbeat does
// so every `kObservePeriod`; a longer silence than `kGap` can then only mean that the process stood
// still, so every deadline moves by that span. Without deadlines nothing moves. Any thread.
class LeaseClock {
 public:
  static constexpr absl::Duration kGap = absl::Seconds(1);
  static constexpr absl::Duration kObservePeriod = absl::Milliseconds(250);

  // `clock` is not owned.
  explicit LeaseClock(const base::Clock* clock) : clock_(clock), last_(clock->Mono()) {}

  // The lease time now. Never goes back.
  base::MonoTime Now();

  // Sum of the spans that do not count.
  absl::Duration lost() const;

 private:
  const base::Clock* const clock_;
  mutable base::Mutex mu_;
  base::MonoTime last_ ABSL_GUARDED_BY(mu_);
  absl::Duration lost_ ABSL_GUARDED_BY(mu_) = absl::ZeroDuration();
};

}  // namespace coordhub::engine
