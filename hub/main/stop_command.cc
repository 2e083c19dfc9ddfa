// coordhub stop: drain and end the hub of a repository.

#include <cstdio>
#include <memory>

#include "agent/base/status_macros.h"
#include "hub/main/commands.h"
#include "hub/main/exit_code.h"
#include "hub/main/options.h"
#include "hub/main/running_hub.h"

namespace coordhub::hub {
namespace {

struct StopFlags {
  HubOptions hub;
  StopOptions stop;
  bool json = false;
};

struct Stopped {
  pid_t pid = 0;
  bool killed = false;
};

// Errors: those of PlanWorkspaces, FindHub, StopHub.
absl::StatusOr<Stopped> Stop(const StopFlags& flags) {
  COORDHUB_ASSIGN_OR_RETURN(const std::vector<WorkspacePlan> plans, PlanWorkspaces(flags.hub));
  COORDHUB_ASSIGN_OR_RETURN(const ProcessHandle hub, FindHub(plans.front()));
  COORDHUB_ASSIGN_OR_RETURN(const bool killed, StopHub(hub, flags.stop));
  return Stopped{hub.pid(), killed};
}

int RunStop(const StopFlags& flags) {
  const absl::StatusOr<Stopped> stopped = Stop(flags);
  if (!stopped.ok()) {
    if (flags.json) std::puts("{\"stopped\":false}");
    std::fprintf(stderr, "coordhub: %s\n", std::string(stopped.status().message()).c_str());
    return ExitCodeOf(stopped.status());
  }
  const int pid = static_cast<int>(stopped->pid);
  if (flags.json) {
    std::printf("{\"stopped\":true,\"pid\":%d,\"killed\":%s}\n", pid,
                stopped->killed ? "true" : "false");
  } else if (stopped->killed) {
    std::printf("coordhub killed (pid %d), because it still drained after %g s\n", pid,
                flags.stop.timeout_seconds);
  } else {
    std::printf("coordhub stopped (pid %d)\n", pid);
  }
  return kOk;
}

}  // namespace

void AddStopCommand(CLI::App* app, int* exit_code) {
  CLI::App* const command =
      app->add_subcommand("stop", "Drain the hub of a repository and wait for its end");
  const auto flags = std::make_shared<StopFlags>();
  AddRepositoryOptions(command, &flags->hub);
  AddStopOptions(command, &flags->stop);
  command->add_flag("--json", flags->json, "One JSON object instead of text");
  command->footer(
      "A hub that serves several repositories ends for all of them.\n"
      "\n"
      "Examples:\n"
      "  coordhub stop\n"
      "  coordhub stop --repo ~/src/app --timeout 60 --force\n"
      "\n"
      "Exit codes: 0 it has ended; 1 it still drains after --timeout, or cannot be signalled; 2 "
      "wrong usage;\n6 no hub runs.");
  command->callback([flags, exit_code] { *exit_code = RunStop(*flags); });
}

}  // namespace coordhub::hub
