#include "hub/main/running_hub.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"

namespace coordhub::hub {
namespace {

// For the kernel to take a killed process down.
constexpr absl::Duration kKillPatience = absl::Seconds(30);

}  // namespace

void AddStopOptions(CLI::App* app, StopOptions* options) {
  app->add_option("--timeout", options->timeout_seconds, "Seconds to wait for its end")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app->add_flag("--force", options->force,
                "Kill it if it still drains then; nothing that was acknowledged is lost");
}

absl::StatusOr<ProcessHandle> FindHub(const WorkspacePlan& plan) {
  COORDHUB_ASSIGN_OR_RETURN(const std::optional<ProcessIdentity> identity,
                            ReadPidFile(plan.state.hub_pid()));
  if (identity.has_value()) {
    std::optional<ProcessHandle> process = ProcessHandle::Find(*identity);
    if (process.has_value()) return *std::move(process);
  }
  return base::MakeError(v1::ERROR_REASON_HUB_UNREACHABLE,
                         absl::StrCat("no hub runs for ", plan.common_dir),
                         {{"endpoint", plan.endpoint_file}});
}

absl::StatusOr<bool> StopHub(const ProcessHandle& hub, const StopOptions& options) {
  COORDHUB_RETURN_IF_ERROR(hub.Terminate());
  const absl::Duration timeout = absl::Seconds(options.timeout_seconds);
  if (hub.WaitForExit(timeout)) return false;
  if (options.force) {
    COORDHUB_RETURN_IF_ERROR(hub.Kill());
    if (hub.WaitForExit(kKillPatience)) return true;
  }
  return base::MakeError(
      v1::ERROR_REASON_DEADLINE_PASSED,
      absl::StrCat("the hub (pid ", hub.pid(), ") was told to stop and still drains after ",
                   absl::FormatDuration(timeout),
                   "; wait for it, or end it with --force, which loses nothing that was "
                   "acknowledged"));
}

}  // namespace coordhub::hub
