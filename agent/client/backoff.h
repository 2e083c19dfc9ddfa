// How long to wait before trying again.

#pragma once

#include "absl/time/time.h"
#include "agent/base/ids.h"

namespace coordhub::agent {

// Delays that grow by `multiplier` from `initial` to `max`, each shortened by a random part of at
// most `jitter` of it (0 to 1), so that many clients of one hub do not return in step.
struct BackoffPolicy {
  absl::Duration initial = absl::Milliseconds(50);
  absl::Duration max = absl::Seconds(1);
  double multiplier = 2.0;
  double jitter = 0.5;
};

// At random in [0, 1).
double RandomFraction(base::IdSource* ids);

// One sequence of such delays. Not thread-safe.
class Backoff {
 public:
  // `ids`: where the jitter comes from. Not owned.
  Backoff(const BackoffPolicy& policy, base::IdSource* ids) : policy_(policy), ids_(*ids) {}

  // The next delay; positive unless the policy's are zero.
  absl::Duration Next();

  // The next delay is the first one again: call it after a success.
  void Reset() { attempts_ = 0; }

 private:
  BackoffPolicy policy_;
  base::IdSource& ids_;
  int attempts_ = 0;
};

}  // namespace coordhub::agent
