// coordhub stop: drain and end the hub of a repository.

#include <cstdio>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "hub/main/commands.h"
#include "hub/main/exit_code.h"
#include "hub/main/options.h"
#include "hub/main/process.h"

namespace coordhub::hub {
namespace {

struct StopFlags {
  HubOptions hub;
  double timeout_seconds = 15;
};

// The running hub of the first repository of `options`.
// Errors: those of PlanWorkspaces; HUB_UNREACHABLE (endpoint).
absl::StatusOr<ProcessHandle> FindHub(const HubOptions& options) {
  COORDHUB_ASSIGN_OR_RETURN(const std::vector<WorkspacePlan> plans, PlanWorkspaces(options));
  const WorkspacePlan& plan = plans.front();
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

// Errors: those of FindHub; DEADLINE_PASSED.
absl::StatusOr<pid_t> Stop(const StopFlags& flags) {
  COORDHUB_ASSIGN_OR_RETURN(const ProcessHandle hub, FindHub(flags.hub));
  COORDHUB_RETURN_IF_ERROR(hub.Terminate());
  const absl::Duration timeout = absl::Seconds(flags.timeout_seconds);
  if (hub.WaitForExit(timeout)) return hub.pid();
  return base::MakeError(
      v1::ERROR_REASON_DEADLINE_PASSED,
      absl::StrCat("the hub (pid ", hub.pid(), ") was told to stop and still drains after ",
                   absl::FormatDuration(timeout), "; wait for it, or end it with kill -KILL ",
                   hub.pid(), ", which loses nothing that was acknowledged"));
}

int RunStop(const StopFlags& flags) {
  const absl::StatusOr<pid_t> stopped = Stop(flags);
  if (!stopped.ok()) {
    std::fprintf(stderr, "coordhub: %s\n", std::string(stopped.status().message()).c_str());
    return ExitCodeOf(stopped.status());
  }
  std::printf("coordhub stopped (pid %d)\n", static_cast<int>(*stopped));
  return kOk;
}

}  // namespace

void AddStopCommand(CLI::App* app, int* exit_code) {
  CLI::App* const command =
      app->add_subcommand("stop", "Drain the hub of a repository and wait for its end");
  const auto flags = std::make_shared<StopFlags>();
  AddRepositoryOptions(command, &flags->hub);
  command->add_option("--timeout", flags->timeout_seconds, "Seconds to wait for its end")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->footer("A hub that serves several repositories ends for all of them.");
  command->callback([flags, exit_code] { *exit_code = RunStop(*flags); });
}

}  // namespace coordhub::hub
