// Processes by identity: a process id alone is a stranger's sooner or later.

#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/base/process.h"

namespace coordhub::hub {

// Which process: its id, when it began, and under which boot of the machine.
struct ProcessIdentity {
  pid_t pid = 0;
  // In clock ticks since the boot, field 22 of /proc/<pid>/stat.
  uint64_t start_ticks = 0;
  std::string boot_id;

  static ProcessIdentity OfThisProcess();
  // Of the process that has the id now; nullopt: nobody who lives has it.
  static std::optional<ProcessIdentity> Of(pid_t pid);
};

// A pid file: three lines, the first of which is the bare process id. Mode 0600.
// Where the disk has no room for another one it is written over the old one.
// Errors of both: IO_FAILED, DISK_FULL.
absl::Status WritePidFile(const std::string& path, const ProcessIdentity& process);
// Nullopt: there is none, or it is empty or none of ours.
absl::StatusOr<std::optional<ProcessIdentity>> ReadPidFile(const std::string& path);

// What a process id stands for now.
enum class ProcessPhase {
  kGone,    // nobody, or a zombie
  kEnding,  // a process that was killed and has not let go of everything yet
  kAlive,
};
// Never blocks for long; any thread.
ProcessPhase PhaseOf(pid_t pid);

// When the living process `pid` began, by the wall clock, to about a second; nullopt: there is
// none.
std::optional<absl::Time> StartTimeOf(pid_t pid);

// A running process, held so that its id cannot become another's while we use it. Movable; not
// thread-safe.
class ProcessHandle {
 public:
  // Nullopt when that very process does not run any more (a zombie does not).
  static std::optional<ProcessHandle> Find(const ProcessIdentity& identity);

  pid_t pid() const { return process_.pid(); }

  // Sends SIGTERM. Errors: IO_FAILED (no right to). One that has ended is no error.
  absl::Status Terminate() const;
  // Sends SIGKILL. Errors: as Terminate.
  absl::Status Kill() const;

  // Whether it ended within `timeout`. Blocks.
  bool WaitForExit(absl::Duration timeout) const { return process_.WaitForExit(timeout); }

 private:
  explicit ProcessHandle(base::HeldProcess process) : process_(std::move(process)) {}

  base::HeldProcess process_;
};

}  // namespace coordhub::hub
