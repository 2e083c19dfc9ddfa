// Waiting for a killed process to let go of what it held.

#pragma once

#include <functional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"

namespace coordhub::hub {

// Between a SIGKILL and the moment when the kernel has closed the victim's files, its locks and
// sockets are still taken; a start right after a kill must not be refused for that.
//
// Calls `acquire` until it succeeds or fails otherwise than with WORKSPACE_LOCKED. Such a refusal
// stands at once when the holder (its metadata `pid`) lives; when that is gone or on its way out,
// or is not named yet, `acquire` is tried again for at most `patience`. Blocks.
absl::Status OutlastDyingHolder(const base::Clock& clock, absl::Duration patience,
                                const std::function<absl::Status()>& acquire);

}  // namespace coordhub::hub
