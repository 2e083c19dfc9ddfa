// The lock that keeps a second hub off a repository, whatever happens to the hub's own files.

#pragma once

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/base/unique_fd.h"

namespace coordhub::hub {

// flock(2) on the git common directory itself. Who removes or renames the state directory, or what
// is in it, does not touch it; it goes with a repository that is moved, and is seen through every
// mount of the file system and in every container that shares the kernel. The kernel gives it back
// when the process ends.
class RepositoryLock {
 public:
  // Takes the lock without waiting.
  // Errors: WORKSPACE_LOCKED (metadata pid, empty when it cannot be told; lock: the directory);
  // IO_FAILED: among others a file system without locks on directories.
  static absl::StatusOr<RepositoryLock> Acquire(const std::string& common_dir);

 private:
  explicit RepositoryLock(base::UniqueFd fd) : fd_(std::move(fd)) {}

  base::UniqueFd fd_;
};

// The process that has it; 0: nobody, or nobody whom this process may see. Takes no lock.
pid_t RepositoryHolder(const std::string& common_dir);

}  // namespace coordhub::hub
