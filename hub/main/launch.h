// Making a hub in the background.

#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "hub/main/options.h"
#include "hub/main/readiness.h"

namespace coordhub::hub {

// Starts `coordhub serve` as a process of its own, which outlives this one and its terminal, and
// waits until it says that it is ready, or why it is not. Blocks for at most `timeout`.
// Errors: those of PlanWorkspaces, STATE_DIR_UNUSABLE, IO_FAILED; DEADLINE_PASSED: it runs, but is
// not ready yet.
absl::StatusOr<ReadinessReport> LaunchHub(HubOptions options, absl::Duration timeout);

// What a launch comes to: the report's text on standard output or error, or with `json` one object
// about the hub of the first repository, {"running":false} when there is none; the exit code.
int ReportLaunch(const absl::StatusOr<ReadinessReport>& report, const HubOptions& options,
                 bool json);

}  // namespace coordhub::hub
