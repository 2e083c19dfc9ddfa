#include "hub/engine/endings.h"

#include "agent/base/error.h"

namespace coordhub::engine {

absl::Status Draining() {
  return base::MakeError(v1::ERROR_REASON_HUB_DRAINING, "the hub is stopping");
}

absl::Status CallerGone() {
  return base::MakeError(v1::ERROR_REASON_CALLER_GONE, "the caller went away");
}

absl::Status SessionEnded() {
  return base::MakeError(v1::ERROR_REASON_SESSION_ENDED, "the session has ended");
}

}  // namespace coordhub::engine
