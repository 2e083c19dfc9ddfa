#pragma once

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/base/unique_fd.h"

namespace coordhub::journal {

// The lock that keeps other hubs off a state directory: flock(2) on a file that holds the holder's
// pid. The kernel gives it back when the last descriptor goes, so with the process however that
// dies. A child made by fork without exec would share it; the hub makes none (descriptors are
// close-on-exec).
class LockFile {
 public:
  // Takes the lock without waiting.
  // Errors: WORKSPACE_LOCKED (metadata pid, empty when it cannot be told; lock), DISK_FULL (no room
  // for the file itself; without room for the pid the lock is taken all the same), IO_FAILED.
  static absl::StatusOr<LockFile> Acquire(const std::string& path);

  LockFile(LockFile&&) = default;
  LockFile& operator=(LockFile&&) = default;
  // Clears the pid and lets go.
  ~LockFile();

 private:
  explicit LockFile(base::UniqueFd fd) : fd_(std::move(fd)) {}

  base::UniqueFd fd_;
};

}  // namespace coordhub::journal
