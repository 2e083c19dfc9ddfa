// coordhub restart: the same hub, anew.

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "hub/main/commands.h"
#include "hub/main/exit_code.h"
#include "hub/main/launch.h"
#include "hub/main/options.h"
#include "hub/main/running_hub.h"
#include "hub/main/saved_options.h"

namespace coordhub::hub {
namespace {

struct RestartFlags {
  HubOptions hub;
  StopOptions stop;
  double start_timeout_seconds = 60;
  bool json = false;
};

// The options of the hub that serves `plan`, or served it last; none ever did: those of the line.
// Asks, while the hub still runs, whether another could start with them: it would be a pity to find
// out afterwards. Errors: those of LoadOptions and PlanWorkspaces; INVALID_FIELD: they are another
// repository's.
absl::StatusOr<SavedOptions> OptionsToKeep(const WorkspacePlan& plan, const HubOptions& given) {
  COORDHUB_ASSIGN_OR_RETURN(std::optional<SavedOptions> saved, LoadOptions(plan));
  if (!saved.has_value()) return SavedOptions{given, false};
  const auto again = PlanWorkspaces(saved->hub);
  const bool has_it = again.ok() && std::any_of(again->begin(), again->end(), [&](const auto& p) {
                        return p.common_dir == plan.common_dir;
                      });
  if (has_it) return *std::move(saved);
  return base::MakeFieldError(
      "--repo", absl::StrCat("the options that the hub was started with do not fit any more, so it "
                             "is not stopped: ",
                             again.ok() ? "they do not name " + plan.common_dir
                                        : std::string(again.status().message()),
                             "; say them anew: coordhub stop, then coordhub start"));
}

// Ends the hub if one runs. Errors: those of FindHub and StopHub but HUB_UNREACHABLE;
// WORKSPACE_LOCKED: a supervised one.
absl::Status EndOld(const WorkspacePlan& plan, bool supervised, const RestartFlags& flags) {
  const absl::StatusOr<ProcessHandle> hub = FindHub(plan);
  if (base::ReasonOf(hub.status()) == v1::ERROR_REASON_HUB_UNREACHABLE) {
    if (!flags.json) std::fprintf(stderr, "coordhub: no hub ran; starting one\n");
    return absl::OkStatus();
  }
  COORDHUB_RETURN_IF_ERROR(hub.status());
  if (supervised) {
    return base::MakeError(v1::ERROR_REASON_WORKSPACE_LOCKED,
                           absl::StrCat("the hub (pid ", hub->pid(),
                                        ") runs under systemd, which restarts it: systemctl "
                                        "[--user] restart, or coordhub stop and start"),
                           {{"pid", absl::StrCat(hub->pid())}, {"lock", plan.state.lock()}});
  }
  return StopHub(*hub, flags.stop).status();
}

absl::StatusOr<ReadinessReport> Restart(RestartFlags* flags) {
  COORDHUB_ASSIGN_OR_RETURN(const std::vector<WorkspacePlan> plans, PlanWorkspaces(flags->hub));
  COORDHUB_ASSIGN_OR_RETURN(SavedOptions options, OptionsToKeep(plans.front(), flags->hub));
  COORDHUB_RETURN_IF_ERROR(EndOld(plans.front(), options.supervised, *flags));
  return LaunchHub(std::move(options.hub), absl::Seconds(flags->start_timeout_seconds));
}

}  // namespace

void AddRestartCommand(CLI::App* app, int* exit_code) {
  CLI::App* const command =
      app->add_subcommand("restart", "Stop the hub, and start it with the options that it had");
  const auto flags = std::make_shared<RestartFlags>();
  AddRepositoryOptions(command, &flags->hub);
  AddStopOptions(command, &flags->stop);
  command
      ->add_option("--start-timeout", flags->start_timeout_seconds,
                   "Seconds to wait until the new one is ready")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_flag("--json", flags->json, "One JSON object instead of text");
  command->footer(
      "Sessions, claims and everything else stay as they are. To change the options: coordhub "
      "stop, "
      "then start.\n"
      "\n"
      "Examples:\n"
      "  coordhub restart\n"
      "  coordhub restart --repo ~/src/app --timeout 60 --force\n"
      "\n"
      "Exit codes: 0 it serves again; 1 the old one still drains after --timeout and serves no "
      "more, or the new\none failed; 2 wrong usage; 4 refused: systemd looks after it, or another "
      "process took its place.");
  command->callback([flags, exit_code] {
    const absl::StatusOr<ReadinessReport> report = Restart(flags.get());
    *exit_code = ReportLaunch(report, flags->hub, flags->json);
  });
}

}  // namespace coordhub::hub
