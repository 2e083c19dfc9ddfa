// The hub of a repository that runs now, and its end.

#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "hub/main/options.h"
#include "hub/main/process.h"

namespace coordhub::hub {

// How `coordhub stop` and `restart` end a hub.
struct StopOptions {
  double timeout_seconds = 15;
  // After the timeout: SIGKILL.
  bool force = false;
};

// Adds --timeout and --force.
void AddStopOptions(CLI::App* app, StopOptions* options);

// The process that serves `plan`. Errors: HUB_UNREACHABLE (endpoint): none does; IO_FAILED.
absl::StatusOr<ProcessHandle> FindHub(const WorkspacePlan& plan);

// Tells the hub to stop, and waits for its end, which it puts off until everything that it was
// asked is answered. Blocks. Returns whether it had to be killed. Errors: DEADLINE_PASSED: it
// drains still; IO_FAILED: no right to signal it.
absl::StatusOr<bool> StopHub(const ProcessHandle& hub, const StopOptions& options);

}  // namespace coordhub::hub
