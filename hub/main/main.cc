// coordhub: the hub and its life cycle.

#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <string_view>

#include "absl/synchronization/mutex.h"
#include "hub/main/commands.h"
#include "hub/main/exit_code.h"
#include "hub/operations/gate_supervisor.h"

namespace {

// A journal that got descriptor 2 because standard error was closed would be overwritten by
// messages.
void OpenStandardDescriptors() {
  int fd = -1;
  do {
    fd = open("/dev/null", O_RDWR);
  } while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd > STDERR_FILENO) close(fd);
}

}  // namespace

// Of jemalloc, which reads it before main: hub/decisions/2026-11-26-memory-of-an-idle-hub.md.
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf =
    "percpu_arena:percpu,background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0,"
    "tcache_max:4096";
}

int main(int argc, char** argv) {
  using namespace coordhub::hub;  // NOLINT(google-build-using-namespace)

  OpenStandardDescriptors();
  // Whatever follows is the gate's own command line.
  if (argc > 1 && std::string_view(argv[1]) == coordhub::operations::kGateSupervisorCommand) {
    return coordhub::operations::SuperviseGate({argv + 2, argv + argc});
  }
  // gRPC's locks are Abseil's, whose packaged build looks for deadlocks at each of them.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  CLI::App app("coordhub: the hub through which coding agents share the work on a repository.",
               "coordhub");
  app.set_version_flag("--version", "coordhub " COORDHUB_VERSION);
  app.require_subcommand(1);
  app.footer(
      "Examples:\n"
      "  coordhub start                    serve the repository one stands in, in the background\n"
      "  coordhub status                   what it does now\n"
      "  coordhub serve --repo A --repo B  serve two repositories in the foreground\n"
      "  coordhub stop                     drain and stop\n"
      "  coordhub restart                  the same hub anew, with the options that it had\n"
      "\n"
      "Exit codes: 0 ok, 1 failed, 2 wrong usage, 4 refused (another hub holds the workspace, "
      "say),\n"
      "6 no hub runs, 70 the journal failed under a running hub.");

  int exit_code = kOk;
  AddServeCommand(&app, &exit_code);
  AddStartCommand(&app, &exit_code);
  AddStopCommand(&app, &exit_code);
  AddRestartCommand(&app, &exit_code);
  AddStatusCommand(&app, &exit_code);
  AddLogsCommand(&app, &exit_code);
  AddRestoreCommand(&app, &exit_code);
  AddAdoptCommand(&app, &exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kOk : kUsage;
  }
  return exit_code;
}
