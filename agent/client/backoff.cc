#include "agent/client/backoff.h"

#include <algorithm>
#include <cmath>

namespace coordhub::agent {

absl::Duration Backoff::Next() {
  // Far beyond the point where every sensible policy has reached its maximum.
  static constexpr int kMaxAttempts = 64;
  const double growth = std::pow(policy_.multiplier, attempts_);
  attempts_ = std::min(attempts_ + 1, kMaxAttempts);
  const absl::Duration full = std::min(policy_.initial * growth, policy_.max);
  // 53 random bits make a fraction in [0, 1).
  const double fraction = static_cast<double>(ids_.NextRandom() >> 11) / 9007199254740992.0;
  return full * (1.0 - policy_.jitter * fraction);
}

}  // namespace coordhub::agent
