#include "hub/main/pid_directory.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "agent/base/atomic_file.h"
#include "agent/base/error.h"
#include "agent/base/log.h"
#include "agent/base/status_macros.h"
#include "agent/base/text.h"
#include "agent/base/unique_fd.h"

namespace coordhub::hub {
namespace {

constexpr size_t kMaxPidFileBytes = 4096;
constexpr mode_t kMode = 0644;  // other users' scripts read them, too
// The start of a process and the time of a file are told by different clocks of the kernel.
constexpr absl::Duration kClockSlack = absl::Seconds(2);
// Whoever has the directory locked for longer than this is not claiming it.
constexpr int kLockTries = 250;
constexpr int kLockPauseMs = 20;

// The process id in a file; 0: none can be read.
pid_t PidIn(const std::string& path) {
  const auto text = base::ReadFile(path, kMaxPidFileBytes);
  if (!text.ok() || !text->has_value()) return 0;
  const absl::string_view first = **text;
  pid_t pid = 0;
  if (!absl::SimpleAtoi(absl::StripAsciiWhitespace(first.substr(0, first.find('\n'))), &pid)) {
    return 0;
  }
  return pid > 0 ? pid : 0;
}

std::string NameOf(pid_t pid) {
  const auto text = base::ReadFile(absl::StrCat("/proc/", pid, "/comm"), kMaxPidFileBytes);
  if (!text.ok() || !text->has_value()) return "?";
  return base::OneLine(**text, 64);
}

// Held until the descriptor goes. Errors: IO_FAILED: no such directory.
absl::StatusOr<base::UniqueFd> LockDirectory(const std::string& directory) {
  base::UniqueFd fd(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return base::MakeIoError("open", directory, errno);
  for (int i = 0; i < kLockTries && flock(fd.get(), LOCK_EX | LOCK_NB) != 0; ++i) {
    if (errno != EWOULDBLOCK && errno != EINTR) break;  // a file system without locks
    poll(nullptr, 0, kLockPauseMs);
  }
  return fd;
}

// Whether the hub that wrote the files beside `pid_file` has this id and lives.
bool IsHubBeside(const std::string& pid_file, pid_t pid) {
  const std::string directory = pid_file.substr(0, pid_file.rfind('/') + 1);
  const auto hub = ReadPidFile(directory + kHubIdentityFile);
  return hub.ok() && hub->has_value() && (*hub)->pid == pid &&
         ProcessHandle::Find(**hub).has_value();
}

absl::Status CheckFree(const std::string& path) {
  const std::optional<pid_t> owner = LiveOwnerOf(path);
  if (!owner.has_value() || *owner == getpid()) return absl::OkStatus();
  return base::MakeError(
      v1::ERROR_REASON_WORKSPACE_LOCKED,
      absl::StrCat(path, " names a process that runs: pid ", *owner, " (", NameOf(*owner),
                   "). Stop it, or remove the file if it means nothing any more"),
      {{"pid", absl::StrCat(*owner)}, {"lock", path}});
}

}  // namespace

std::optional<pid_t> LiveOwnerOf(const std::string& pid_file) {
  const pid_t pid = PidIn(pid_file);
  struct stat info {};
  if (pid == 0 || stat(pid_file.c_str(), &info) != 0) return std::nullopt;
  if (PhaseOf(pid) != ProcessPhase::kAlive) return std::nullopt;
  if (IsHubBeside(pid_file, pid)) return pid;
  const std::optional<absl::Time> began = StartTimeOf(pid);
  if (!began.has_value()) return std::nullopt;
  if (*began > absl::TimeFromTimespec(info.st_mtim) + kClockSlack) return std::nullopt;
  return pid;
}

absl::StatusOr<std::unique_ptr<PidDirectory>> PidDirectory::Claim(std::string directory) {
  COORDHUB_ASSIGN_OR_RETURN(const base::UniqueFd lock, LockDirectory(directory));
  for (const char* name : kLoopPidFiles) {
    COORDHUB_RETURN_IF_ERROR(CheckFree(absl::StrCat(directory, "/", name)));
  }
  std::unique_ptr<PidDirectory> claimed(new PidDirectory(std::move(directory)));
  COORDHUB_RETURN_IF_ERROR(claimed->Write());
  return claimed;
}

absl::Status PidDirectory::Write() const {
  COORDHUB_RETURN_IF_ERROR(WritePidFile(absl::StrCat(directory_, "/", kHubIdentityFile),
                                        ProcessIdentity::OfThisProcess()));
  // One line: scripts pass all that the file holds to kill.
  const std::string text = absl::StrCat(getpid(), "\n");
  for (const char* name : kLoopPidFiles) {
    COORDHUB_RETURN_IF_ERROR(
        base::AtomicReplaceFile(absl::StrCat(directory_, "/", name), text, kMode, base::Sync::kNo));
  }
  return absl::OkStatus();
}

PidDirectory::~PidDirectory() {
  // So that nothing is removed that another hub writes just now.
  const absl::StatusOr<base::UniqueFd> lock = LockDirectory(directory_);
  const auto remove = [this](const char* name) {
    const std::string path = absl::StrCat(directory_, "/", name);
    if (PidIn(path) != getpid()) return;
    if (unlink(path.c_str()) != 0 && errno != ENOENT) {
      base::Log(base::LogLevel::kWarning, "cannot remove a file", {{"path", path}});
    }
  };
  for (const char* name : kLoopPidFiles) remove(name);
  remove(kHubIdentityFile);
}

}  // namespace coordhub::hub
