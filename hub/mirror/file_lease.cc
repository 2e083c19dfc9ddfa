#include "hub/mirror/file_lease.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <string>

namespace coordhub::mirror {
namespace {

using Directory = std::unique_ptr<DIR, int (*)(DIR*)>;

Directory OpenDirectory(const std::string& path) { return {opendir(path.c_str()), closedir}; }

bool ProcessHasOpen(const std::string& pid, const struct stat& file) {
  const std::string descriptors = "/proc/" + pid + "/fd";
  const Directory stream = OpenDirectory(descriptors);
  if (stream == nullptr) return false;                   // it ended, or belongs to another user
  while (const dirent* entry = readdir(stream.get())) {  // NOLINT(concurrency-mt-unsafe): our own
    struct stat info {};
    if (fstatat(dirfd(stream.get()), entry->d_name, &info, 0) != 0) continue;
    if (info.st_ino == file.st_ino && info.st_dev == file.st_dev) return true;
  }
  return false;
}

// Whether a process other than this one has the file open, as far as we may look. A file that only
// its owner may write to is written to by processes that we may look at.
bool SomebodyHasOpen(int fd) {
  struct stat file {};
  if (fstat(fd, &file) != 0) return true;
  const Directory processes = OpenDirectory("/proc");
  if (processes == nullptr) return true;
  const std::string self = std::to_string(getpid());
  while (const dirent* entry = readdir(processes.get())) {  // NOLINT(concurrency-mt-unsafe)
    const std::string pid = entry->d_name;
    if (pid.find_first_not_of("0123456789") != std::string::npos || pid == self) continue;
    if (ProcessHasOpen(pid, file)) return true;
  }
  return false;
}

}  // namespace

bool TakeSoleUse(int fd, bool leases) {
  // The kernel tells the holder by a signal that somebody waits; by default one that ends the
  // process. This one is ignored by default.
  if (leases && fcntl(fd, F_SETSIG, SIGURG) == 0) {
    if (fcntl(fd, F_SETLEASE, F_WRLCK) == 0) return true;
    if (errno == EAGAIN) return false;
  }
  return !SomebodyHasOpen(fd);
}

bool StillSoleUse(int fd, bool leases) {
  if (leases && fcntl(fd, F_GETLEASE) == F_WRLCK) return true;
  // Ended or about to end, or there never was one.
  return !SomebodyHasOpen(fd) && (!leases || TakeSoleUse(fd, leases));
}

}  // namespace coordhub::mirror
