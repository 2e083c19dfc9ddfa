// What a background loop is.

#pragma once

#include <functional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"

namespace coordhub::loops {

// Why a loop works now.
enum class Cause {
  // Its interval is over, or what failed before is tried again.
  kTimer,
  // StepLoop, or the end of a pause.
  kRequest,
  // Something changed, or work is due that it asked for itself.
  kWakeUp,
};

// Steps are counted, and write into the loop's log; wake-ups are and do neither.
inline bool IsStep(Cause cause) { return cause != Cause::kWakeUp; }

// What came of it.
struct Outcome {
  // Not OK: the loop FAILED; its next work is a step, tried again with backoff.
  absl::Status status;
  // When to work again even if nothing happens; a step at the latest.
  base::MonoTime next = base::MonoTime::InfiniteFuture();
  // News waits until then. After a failure InfinitePast means: until it is tried again.
  base::MonoTime earliest = base::MonoTime::InfinitePast();
};

// Wakes a loop: its next work begins after `delay` at the latest, which lets a burst come as one.
// Any thread; never blocks. To be used between Begin and the end of Finish.
using Waker = std::function<void(absl::Duration delay)>;

// Work that is done again and again by one thread of its own. What throws counts as failed.
class Loop {
 public:
  virtual ~Loop() = default;

  // Once, before everything else. The waker is the loop's to keep.
  virtual void Begin(Waker /*waker*/) {}  // NOLINT(performance-unnecessary-value-param)

  // May block, but whoever takes longer than the interval is reported as STALLED.
  virtual Outcome Step(Cause cause) = 0;

  // Once, after everything else: the last work, and the end of what wakes it.
  virtual void Finish() {}
};

}  // namespace coordhub::loops
