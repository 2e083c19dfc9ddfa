#include "agent/client/backoff.h"

#include <algorithm>
#include <cmath>

namespace coordhub::agent {

double RandomFraction(base::IdSource* ids) {
  constexpr double kOne = 9007199254740992.0;  // 2^53: so many bits make a fraction
  return static_cast<double>(ids->NextRandom() >> 11) / kOne;
}

absl::Duration Backoff::Next() {
  // Far beyond the point where every sensible policy has reached its maximum.
  static constexpr int kMaxAttempts = 64;
  const double growth = std::pow(policy_.multiplier, attempts_);
  attempts_ = std::min(attempts_ + 1, kMaxAttempts);
  const absl::Duration full = std::min(policy_.initial * growth, policy_.max);
  return full * (1.0 - policy_.jitter * RandomFraction(&ids_));
}

}  // namespace coordhub::agent
