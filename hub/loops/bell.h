// Lets somebody who is made before a loop wake it.

#pragma once

#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "agent/base/mutex.h"
#include "hub/loops/loop.h"

namespace coordhub::loops {

// Any thread. Its lock is held while the waker is called, and comes before the runner's.
class Bell {
 public:
  // Wakes the loop that is connected; nobody hears it otherwise, and nobody has to: a loop looks
  // around in its first step.
  void Ring(absl::Duration delay = absl::ZeroDuration()) ABSL_LOCKS_EXCLUDED(mu_) {
    base::MutexLock lock(&mu_);
    if (waker_) waker_(delay);
  }

  void Connect(Waker waker) ABSL_LOCKS_EXCLUDED(mu_) {
    base::MutexLock lock(&mu_);
    waker_ = std::move(waker);
  }
  // No call of the waker is under way any more when it returns.
  void Disconnect() { Connect(nullptr); }

 private:
  base::Mutex mu_;
  Waker waker_ ABSL_GUARDED_BY(mu_);
};

}  // namespace coordhub::loops
