#include "hub/main/running_hub.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/base/atomic_file.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "hub/main/repository_lock.h"

namespace coordhub::hub {
namespace {

// For the kernel to take a killed process down.
constexpr absl::Duration kKillPatience = absl::Seconds(30);
// Beyond any that the hub is started with.
constexpr size_t kMaxCommandLineBytes = 1 << 20;

// A restore holds the repository, too.
bool Serves(pid_t pid) {
  const auto line = base::ReadFile(absl::StrCat("/proc/", pid, "/cmdline"), kMaxCommandLineBytes);
  if (!line.ok() || !line->has_value()) return false;
  const std::vector<std::string> words = absl::StrSplit(**line, '\0');
  return std::find(words.begin(), words.end(), "serve") != words.end();
}

// The hub that holds the repository, where its pid file is gone or could not be written.
std::optional<ProcessHandle> FindHolder(const WorkspacePlan& plan) {
  const pid_t pid = RepositoryHolder(plan.common_dir);
  const std::optional<ProcessIdentity> identity = ProcessIdentity::Of(pid);
  if (pid == 0 || !identity.has_value() || !Serves(pid)) return std::nullopt;
  std::optional<ProcessHandle> process = ProcessHandle::Find(*identity);
  // Asked once more now that it is pinned: the id may have become another's in between.
  return RepositoryHolder(plan.common_dir) == pid ? std::move(process) : std::nullopt;
}

// Whether the process has this very lock open: the pid file of a copied directory names the hub of
// the original.
bool Holds(pid_t pid, const std::string& lock) {
  struct stat wanted {};
  if (stat(lock.c_str(), &wanted) != 0) return false;
  std::error_code error;
  for (std::filesystem::directory_iterator it(absl::StrCat("/proc/", pid, "/fd"), error), end;
       !error && it != end; it.increment(error)) {
    struct stat open {};
    if (stat(it->path().c_str(), &open) == 0 && open.st_dev == wanted.st_dev &&
        open.st_ino == wanted.st_ino) {
      return true;
    }
  }
  return false;
}

}  // namespace

void AddStopOptions(CLI::App* app, StopOptions* options) {
  app->add_option("--timeout", options->timeout_seconds, "Seconds to wait for its end")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app->add_flag("--force", options->force,
                "Kill it if it still drains then; nothing that was acknowledged is lost");
}

absl::StatusOr<ProcessHandle> FindHub(const WorkspacePlan& plan) {
  const auto identity = ReadPidFile(plan.state.hub_pid());
  if (identity.ok() && identity->has_value()) {
    std::optional<ProcessHandle> process = ProcessHandle::Find(**identity);
    const bool beside = plan.state.dir() == base::StatePaths::UnderCommonDir(plan.common_dir).dir();
    // A state directory elsewhere is named by every copy of the repository; its hub holds only one.
    if (process.has_value() && Holds(process->pid(), plan.state.lock()) &&
        (beside || Holds(process->pid(), plan.common_dir))) {
      return *std::move(process);
    }
  }
  std::optional<ProcessHandle> holder = FindHolder(plan);
  if (holder.has_value()) return *std::move(holder);
  COORDHUB_RETURN_IF_ERROR(identity.status());
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
