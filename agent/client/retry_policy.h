// Which errors are worth another attempt.

#pragma once

#include "absl/status/status.h"
#include "agent/client/backoff.h"

namespace coordhub::agent {

// Every call may be repeated: reads because they change nothing, mutations because their
// `request_id` makes the hub answer a repetition with the effect of one.
struct RetryPolicy {
  BackoffPolicy backoff;
  // The hub's queue is full (OVERLOADED).
  bool retry_overloaded = true;
  // The hub's disk is full (DISK_FULL). Someone has to make room first, so by default it is shown.
  bool retry_disk_full = false;

  // Whether another attempt may do better. UNAVAILABLE (no hub, a hub that drains or has not
  // reached `min_revision`) is, but for NOT_OBSERVED; so is what the policy adds. A deadline that
  // passed is not: no time is left.
  bool Retryable(const absl::Status& status) const;
};

// Whether a broken stream can never be mended by opening it again: the session ended, the token is
// not accepted, the request is wrong, or the hub does not know the call.
bool IsPermanentStreamError(const absl::Status& status);

}  // namespace coordhub::agent
