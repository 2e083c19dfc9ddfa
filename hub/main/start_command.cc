// coordhub start: the hub in the background.

#include <unistd.h>

#include <cstdio>
#include <memory>

#include "agent/base/text.h"
#include "hub/main/adoption.h"
#include "hub/main/commands.h"
#include "hub/main/launch.h"
#include "hub/main/options.h"

namespace coordhub::hub {
namespace {

struct StartFlags {
  HubOptions hub;
  double timeout_seconds = 60;
  bool json = false;
};

// At the first start on a directory that scripts kept: its lines become tickets, and somebody may
// want to know of those that cannot. What is wrong otherwise, the start itself finds.
void TellWhatIsNoTicket(const HubOptions& options) {
  const auto plans = PlanWorkspaces(options);
  if (!plans.ok()) return;
  for (const WorkspacePlan& plan : *plans) {
    if (plan.mirror_dir.empty() || access(plan.state.journal().c_str(), F_OK) == 0) continue;
    const auto adoption = LookAtSharedState(plan.mirror_dir, /*known_here=*/false, "");
    if (!adoption.ok()) continue;
    if (adoption->foreign_convergence) {
      std::fprintf(stderr,
                   "coordhub: %s/convergence.md was kept by hand, and goes to .rejected/ there\n",
                   base::TerminalSafe(plan.mirror_dir).c_str());
    }
    if (adoption->not_tickets() == 0) continue;
    std::fprintf(stderr,
                 "coordhub: %lld lines of %s/tickets.md cannot be read as tickets and go to "
                 ".rejected/ there;\ncoordhub adopt would have shown them first\n",
                 static_cast<long long>(adoption->not_tickets()),
                 base::TerminalSafe(plan.mirror_dir).c_str());
  }
}

}  // namespace

void AddStartCommand(CLI::App* app, int* exit_code) {
  CLI::App* const command =
      app->add_subcommand("start", "Serve in the background; returns when the hub is ready");
  const auto flags = std::make_shared<StartFlags>();
  AddServeOptions(command, &flags->hub);
  command->get_option("--log-file")
      ->description("Log here (default: <state directory>/logs/hub.log)");
  command->add_option("--timeout", flags->timeout_seconds, "Seconds to wait until it is ready")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_flag("--json", flags->json, "One JSON object instead of text");
  command->footer(
      "Examples:\n"
      "  coordhub start                        serve the repository one stands in\n"
      "  coordhub start --repo ~/src/app --tcp 127.0.0.1:7777\n"
      "  coordhub start --pid-dir /tmp         for scripts that know the pid files of old\n"
      "\n"
      "Exit codes: 0 it serves; 1 failed, or not ready within --timeout; 2 wrong usage; 4 refused: "
      "another\nprocess holds the repository, the port or a pid file, and the message names it.");
  command->callback([flags, exit_code] {
    TellWhatIsNoTicket(flags->hub);
    *exit_code = ReportLaunch(LaunchHub(flags->hub, absl::Seconds(flags->timeout_seconds)),
                              flags->hub, flags->json);
  });
}

}  // namespace coordhub::hub
