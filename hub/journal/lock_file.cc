#include "hub/journal/lock_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "agent/base/error.h"
#include "agent/base/process.h"

namespace coordhub::journal {
namespace {

constexpr size_t kMaxPidBytes = 32;

// The pid in the file, if that is a process that lives: between taking the lock and writing its
// pid, a new holder shows the pid of one that was killed.
std::string ReadPid(int fd) {
  char buffer[kMaxPidBytes];
  const ssize_t got = pread(fd, buffer, sizeof(buffer), 0);
  if (got <= 0) return "";
  int pid = 0;
  const absl::string_view text(buffer, static_cast<size_t>(got));
  if (!absl::SimpleAtoi(absl::StripSuffix(text, "\n"), &pid)) return "";
  if (!base::ProcessExists(pid)) return "";
  return absl::StrCat(pid);
}

absl::Status Locked(const std::string& path, const std::string& pid) {
  const std::string who = pid.empty() ? "another hub" : absl::StrCat("the hub with pid ", pid);
  return base::MakeError(base::pb::ERROR_REASON_WORKSPACE_LOCKED,
                         absl::StrCat(who, " holds ", path), {{"pid", pid}, {"lock", path}});
}

absl::Status WritePid(int fd, const std::string& path) {
  const std::string pid = absl::StrCat(getpid(), "\n");
  // Written over the old one before it is cut, so that a file that has its block needs no space.
  const ssize_t written = pwrite(fd, pid.data(), pid.size(), 0);
  if (written != static_cast<ssize_t>(pid.size())) {
    return base::MakeIoError("write", path, written < 0 ? errno : ENOSPC);
  }
  if (ftruncate(fd, static_cast<off_t>(pid.size())) != 0) {
    return base::MakeIoError("truncate", path, errno);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<LockFile> LockFile::Acquire(const std::string& path) {
  base::UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.valid()) return base::MakeIoError("open", path, errno);
  int rc = 0;
  do {
    rc = flock(fd.get(), LOCK_EX | LOCK_NB);
  } while (rc != 0 && errno == EINTR);
  if (rc != 0 && errno == EWOULDBLOCK) return Locked(path, ReadPid(fd.get()));
  if (rc != 0) return base::MakeIoError("lock", path, errno);
  absl::Status written = WritePid(fd.get(), path);
  // The lock is what counts; on a full disk nobody reads there whose it is.
  if (!written.ok() && base::ReasonOf(written) != base::pb::ERROR_REASON_DISK_FULL) return written;
  return LockFile(std::move(fd));
}

LockFile::~LockFile() {
  // Best effort: a pid that is left behind is that of a process which is gone.
  if (fd_.valid() && ftruncate(fd_.get(), 0) != 0) return;
}

}  // namespace coordhub::journal
