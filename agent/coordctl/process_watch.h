// Whether another process still lives, and works.

#pragma once

#include <sys/types.h>

#include <cstdint>

#include "absl/status/statusor.h"
#include "agent/base/unique_fd.h"

namespace coordhub::coordctl {

// Watches one process, never another one that gets its number later: by a pidfd, and by the time at
// which it started. Movable, not thread-safe.
class ProcessWatch {
 public:
  // Errors:
  //   INVALID_ARGUMENT/INVALID_FIELD  no such process (any more). Metadata: `field` = "--pid".
  static absl::StatusOr<ProcessWatch> Open(pid_t pid);

  // Becomes readable (poll) when the process ends; -1 where the kernel has no pidfds: then ask
  // Alive() from time to time.
  int fd() const { return pidfd_.get(); }
  bool Alive() const { return Look() != Condition::kGone; }

  // What the system tells of it.
  enum class Condition {
    kWorks,    // as far as can be told
    kStopped,  // by a signal (SIGSTOP, Ctrl-Z) or a debugger: it does nothing until it is continued
    kGone,     // ended, be it that its parent has not noticed yet
  };
  // Any thread.
  Condition Look() const;
  pid_t pid() const { return pid_; }

 private:
  ProcessWatch(pid_t pid, uint64_t start_ticks, base::UniqueFd pidfd)
      : pid_(pid), start_ticks_(start_ticks), pidfd_(std::move(pidfd)) {}

  pid_t pid_;
  uint64_t start_ticks_;  // since boot
  base::UniqueFd pidfd_;
};

}  // namespace coordhub::coordctl
