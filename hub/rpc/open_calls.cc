#include "hub/rpc/open_calls.h"

#include "agent/base/clock.h"

namespace coordhub::rpc {

void OpenCalls::Tell() {
  base::MutexLock lock(&mu_);
  none_.SignalAll();
}

bool OpenCalls::AwaitNone(absl::Duration grace) {
  const base::SystemClock clock;
  const base::MonoTime deadline = clock.Mono() + grace;
  base::MutexLock lock(&mu_);
  // Before the count is read: who leaves after that sees it, and waits for the lock to tell.
  awaited_ = true;
  while (count_ > 0) {
    const absl::Duration left = deadline - clock.Mono();
    if (left <= absl::ZeroDuration()) return false;
    none_.WaitWithTimeout(&mu_, left);
  }
  return true;
}

}  // namespace coordhub::rpc
