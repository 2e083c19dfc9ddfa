#include "hub/main/launch.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/base/atomic_file.h"
#include "agent/base/error.h"
#include "agent/base/process.h"
#include "agent/base/status_macros.h"
#include "agent/base/unique_fd.h"
#include "hub/main/exit_code.h"

namespace coordhub::hub {
namespace {

// The hub's own log, the directories of a default one made.
absl::StatusOr<std::string> PrepareLogFile(const HubOptions& options) {
  COORDHUB_ASSIGN_OR_RETURN(const std::vector<WorkspacePlan> plans, PlanWorkspaces(options));
  if (options.log_file.empty() && options.log_dir.empty()) {
    COORDHUB_RETURN_IF_ERROR(base::EnsurePrivateDirectory(plans.front().state.dir()));
    COORDHUB_RETURN_IF_ERROR(base::EnsurePrivateDirectory(plans.front().log_dir));
  } else if (!options.log_dir.empty()) {
    // One that cannot be made shows when the log is opened.
    (void)mkdir(options.log_dir.c_str(), 0700);
  }
  return HubLogFile(options, plans);
}

// What the hub may say beside its log goes there, too. A log that cannot be written does not keep
// it from serving.
base::UniqueFd OpenForOutput(const std::string& path) {
  base::UniqueFd log(open(
      path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600));
  if (log.valid()) return log;
  std::fprintf(stderr, "coordhub: warning: %s\n",
               std::string(base::MakeIoError("open", path, errno).message()).c_str());
  return base::UniqueFd(open("/dev/null", O_WRONLY | O_CLOEXEC));
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
  const base::UniqueFd log = OpenForOutput(options.log_file);
  std::vector<std::string> arguments = {"coordhub", "serve"};
  for (std::string& argument : ToArguments(options)) arguments.push_back(std::move(argument));
  arguments.insert(arguments.end(), {"--ready-fd", std::to_string(kReadyFd)});
  std::vector<char*> pointers;
  pointers.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);

  // Whatever supervises this process does not supervise the hub.
  unsetenv("NOTIFY_SOCKET");
  COORDHUB_ASSIGN_OR_RETURN(std::optional<base::ChildProcess> child, base::ChildProcess::Fork());
  if (!child.has_value()) BecomeHub(log.get(), ready, pointers.data());
  return child->Release();  // it outlives us
}

// The hub of the first repository, as its endpoint file says.
absl::StatusOr<std::string> LaunchJson(const HubOptions& options) {
  COORDHUB_ASSIGN_OR_RETURN(const std::vector<WorkspacePlan> plans, PlanWorkspaces(options));
  const WorkspacePlan& plan = plans.front();
  COORDHUB_ASSIGN_OR_RETURN(const std::optional<base::EndpointFile> endpoint,
                            base::ReadEndpointFile(plan.endpoint_file));
  if (!endpoint.has_value()) return "{\"running\":false}\n";
  const nlohmann::ordered_json object = {{"running", true},
                                         {"pid", endpoint->pid},
                                         {"endpoint", endpoint->endpoint},
                                         {"tcp", endpoint->tcp},
                                         {"workspace", endpoint->workspace},
                                         {"repository", plan.common_dir},
                                         {"state_dir", plan.state.dir()},
                                         {"log_id", endpoint->log_id}};
  return object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace

absl::StatusOr<ReadinessReport> LaunchHub(HubOptions options, absl::Duration timeout) {
  COORDHUB_ASSIGN_OR_RETURN(options.log_file, PrepareLogFile(options));
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return base::MakeIoError("pipe", "coordhub", errno);
  const base::UniqueFd reader(ends[0]);
  base::UniqueFd writer(ends[1]);
  COORDHUB_ASSIGN_OR_RETURN(const pid_t child, Spawn(options, writer.get()));
  writer.Reset();  // so that the child's end is the only one

  absl::StatusOr<ReadinessReport> report = ReadReadiness(reader.get(), timeout);
  const std::string see = absl::StrCat(" (pid ", child, "); see ", options.log_file);
  if (report.ok()) return report;
  return base::MakeError(base::ReasonOf(report.status()),
                         absl::StrCat(report.status().message(), see), {});
}

int ReportLaunch(const absl::StatusOr<ReadinessReport>& report, const HubOptions& options,
                 bool json) {
  const absl::Status status = report.status();
  if (!status.ok() || report->exit_code != kOk) {
    if (json) std::puts("{\"running\":false}");
    const std::string text =
        status.ok() ? report->text : absl::StrCat("coordhub: ", status.message(), "\n");
    std::fputs(text.c_str(), stderr);
    return status.ok() ? report->exit_code : ExitCodeOf(status);
  }
  if (!json) {
    std::fputs(report->text.c_str(), stdout);
    return kOk;
  }
  const absl::StatusOr<std::string> object = LaunchJson(options);
  std::fputs(object.ok() ? object->c_str() : "{\"running\":true}\n", stdout);
  return kOk;
}

}  // namespace coordhub::hub
