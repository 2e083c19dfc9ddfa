// coordhub status: what the hub of a repository does now.

#include <cstdio>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "hub/main/commands.h"
#include "hub/main/exit_code.h"
#include "hub/main/hub_probe.h"
#include "hub/main/options.h"
#include "hub/main/running_hub.h"
#include "hub/main/status_report.h"

namespace coordhub::hub {
namespace {

constexpr absl::Duration kProbeTimeout = absl::Seconds(5);

struct StatusFlags {
  HubOptions hub;
  bool json = false;
};

struct LiveHub {
  base::EndpointFile endpoint;
  v1::GetHubResponse state;
};

absl::Status NotServing(const WorkspacePlan& plan, const std::string& detail) {
  if (FindHub(plan).ok()) {
    return base::MakeError(v1::ERROR_REASON_IO_FAILED,
                           absl::StrCat("the hub's process runs but does not answer",
                                        detail.empty() ? "" : ": ", detail),
                           {{"operation", "probe"}});
  }
  return base::MakeError(
      v1::ERROR_REASON_HUB_UNREACHABLE,
      absl::StrCat("no hub runs for ", plan.common_dir, "; to start one: coordhub start"),
      {{"endpoint", plan.endpoint_file}});
}

// Errors: those of PlanWorkspaces; HUB_UNREACHABLE (endpoint); IO_FAILED: a hub runs but does not
// answer (yet).
absl::StatusOr<LiveHub> Ask(const HubOptions& options) {
  COORDHUB_ASSIGN_OR_RETURN(const std::vector<WorkspacePlan> plans, PlanWorkspaces(options));
  const WorkspacePlan& plan = plans.front();
  COORDHUB_ASSIGN_OR_RETURN(const std::optional<base::EndpointFile> endpoint,
                            base::ReadEndpointFile(plan.endpoint_file));
  if (!endpoint.has_value()) return NotServing(plan, "");
  absl::StatusOr<v1::GetHubResponse> state = ProbeHub(endpoint->endpoint, kProbeTimeout);
  if (!state.ok()) return NotServing(plan, std::string(state.status().message()));
  return LiveHub{*endpoint, *std::move(state)};
}

int RunStatus(const StatusFlags& flags) {
  const absl::StatusOr<LiveHub> hub = Ask(flags.hub);
  if (!hub.ok()) {
    if (flags.json) std::puts("{\"running\":false}");
    std::fprintf(stderr, "coordhub: %s\n", std::string(hub.status().message()).c_str());
    return ExitCodeOf(hub.status());
  }
  const std::string text = flags.json
                               ? StatusJson(hub->state, hub->endpoint)
                               : StatusText(hub->state, hub->endpoint, absl::LocalTimeZone());
  std::fputs(text.c_str(), stdout);
  return kOk;
}

}  // namespace

void AddStatusCommand(CLI::App* app, int* exit_code) {
  CLI::App* const command = app->add_subcommand("status", "Show what the hub of a repository does");
  const auto flags = std::make_shared<StatusFlags>();
  AddRepositoryOptions(command, &flags->hub);
  command->add_flag("--json", flags->json, "One JSON object instead of text");
  command->footer(
      "Exit code 0: it runs and answers; 6: no hub runs; 1: it runs but does not answer.");
  command->callback([flags, exit_code] { *exit_code = RunStatus(*flags); });
}

}  // namespace coordhub::hub
