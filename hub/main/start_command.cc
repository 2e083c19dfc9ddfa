// coordhub start: the hub in the background.

#include <memory>

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
    *exit_code = ReportLaunch(LaunchHub(flags->hub, absl::Seconds(flags->timeout_seconds)),
                              flags->hub, flags->json);
  });
}

}  // namespace coordhub::hub
