// coordhub start: the hub in the background.

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/base/atomic_file.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "agent/base/unique_fd.h"
#include "hub/main/commands.h"
#include "hub/main/exit_code.h"
#include "hub/main/options.h"
#include "hub/main/readiness.h"

namespace coordhub::hub {
namespace {

struct StartFlags {
  HubOptions hub;
  double timeout_seconds = 60;
};

// `<state>/logs/coordhub.log` of the first repository, its directories made.
absl::StatusOr<std::string> PrepareLogFile(const HubOptions& options) {
  if (!options.log_file.empty()) return options.log_file;
  COORDHUB_ASSIGN_OR_RETURN(const std::vector<WorkspacePlan> plans, PlanWorkspaces(options));
  const base::StatePaths& state = plans.front().state;
  COORDHUB_RETURN_IF_ERROR(base::EnsurePrivateDirectory(state.dir()));
  COORDHUB_RETURN_IF_ERROR(base::EnsurePrivateDirectory(state.logs()));
  return state.logs() + "/coordhub.log";
}

// The descriptor under which the serving process finds its end of the readiness pipe.
constexpr int kReadyFd = STDERR_FILENO + 1;

// In the child, between fork and exec: only what is safe there. `log` becomes standard output and
// error; every other descriptor but `ready` closes.
[[noreturn]] void BecomeHub(int log, int ready, char* const* arguments) {
  setsid();
  if (chdir("/") != 0) _exit(kFailed);
  const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  dup2(null, STDIN_FILENO);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  dup2(ready, kReadyFd);
  fcntl(kReadyFd, F_SETFD, 0);  // dup2 leaves it as it was if it stood there already
  close_range(kReadyFd + 1, ~0U, 0);
  execv("/proc/self/exe", arguments);
  _exit(kFailed);
}

absl::StatusOr<pid_t> Spawn(const HubOptions& options, int ready) {
  const base::UniqueFd log(
      open(options.log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!log.valid()) return base::MakeIoError("open", options.log_file, errno);

  std::vector<std::string> arguments = {"coordhub", "serve"};
  for (std::string& argument : ToArguments(options)) arguments.push_back(std::move(argument));
  arguments.insert(arguments.end(), {"--ready-fd", std::to_string(kReadyFd)});
  std::vector<char*> pointers;
  pointers.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);

  const pid_t child = fork();
  if (child < 0) return base::MakeIoError("fork", "coordhub", errno);
  if (child == 0) BecomeHub(log.get(), ready, pointers.data());
  return child;
}

absl::StatusOr<ReadinessReport> Start(StartFlags flags) {
  COORDHUB_ASSIGN_OR_RETURN(flags.hub.log_file, PrepareLogFile(flags.hub));
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return base::MakeIoError("pipe", "coordhub", errno);
  const base::UniqueFd reader(ends[0]);
  base::UniqueFd writer(ends[1]);
  COORDHUB_ASSIGN_OR_RETURN(const pid_t child, Spawn(flags.hub, writer.get()));
  writer.Reset();  // so that the child's end is the only one

  absl::StatusOr<ReadinessReport> report =
      ReadReadiness(reader.get(), absl::Seconds(flags.timeout_seconds));
  const std::string see = absl::StrCat(" (pid ", child, "); see ", flags.hub.log_file);
  if (report.ok()) return report;
  return base::MakeError(base::ReasonOf(report.status()),
                         absl::StrCat(report.status().message(), see), {});
}

int RunStart(const StartFlags& flags) {
  const absl::StatusOr<ReadinessReport> report = Start(flags);
  if (!report.ok()) {
    std::fprintf(stderr, "coordhub: %s\n", std::string(report.status().message()).c_str());
    return ExitCodeOf(report.status());
  }
  std::fputs(report->text.c_str(), report->exit_code == kOk ? stdout : stderr);
  return report->exit_code;
}

}  // namespace

void AddStartCommand(CLI::App* app, int* exit_code) {
  CLI::App* const command =
      app->add_subcommand("start", "Serve in the background; returns when the hub is ready");
  const auto flags = std::make_shared<StartFlags>();
  AddServeOptions(command, &flags->hub);
  command->get_option("--log-file")
      ->description("Log here (default: <state directory>/logs/coordhub.log)");
  command->add_option("--timeout", flags->timeout_seconds, "Seconds to wait until it is ready")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->footer("Example: coordhub start --repo ~/src/app");
  command->callback([flags, exit_code] { *exit_code = RunStart(*flags); });
}

}  // namespace coordhub::hub
