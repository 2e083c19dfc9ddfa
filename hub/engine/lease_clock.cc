#include "hub/engine/lease_clock.h"

#include "agent/base/mutant.h"

namespace coordhub::engine {

base::MonoTime LeaseClock::Now() {
  base::MutexLock lock(&mu_);
  const base::MonoTime now = clock_->Mono();
  if (now - last_ > kGap && !base::MutantActive("gap_counts")) lost_ += now - last_;
  if (now > last_) last_ = now;
  return last_ - lost_;
}

absl::Duration LeaseClock::lost() const {
  base::MutexLock lock(&mu_);
  return lost_;
}

}  // namespace coordhub::engine
