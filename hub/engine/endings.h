// Why a call ends though nothing is wrong with it: the same words wherever it happens to end.

#pragma once

#include "absl/status/status.h"

namespace coordhub::engine {

// HUB_DRAINING.
absl::Status Draining();
// CALLER_GONE.
absl::Status CallerGone();
// SESSION_ENDED, without what only the records know of it.
absl::Status SessionEnded();

}  // namespace coordhub::engine
