// The pid files that the scripts before the hub kept, for whatever checks or kills by them.

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "hub/main/process.h"

namespace coordhub::hub {

// Of the monitor, the coordinator and the communication daemon, in this order.
inline constexpr const char* kLoopPidFiles[] = {
    "background_monitor.pid", "conversation_coordinator.pid", "communication_daemon.pid"};

// Beside them: which process a hub is that wrote them, as its hub.pid has it.
inline constexpr char kHubIdentityFile[] = ".coordhub.pid";

// Whom a pid file of one line names; nullopt: nobody who lives, or someone who began after the file
// was written, and so only has the same id by chance. A hub is known by its identity, which no
// setting of the clock changes. Blocks briefly.
std::optional<pid_t> LiveOwnerOf(const std::string& pid_file);

// The three files, each with this process's id, as long as this object lives. One thread.
class PidDirectory {
 public:
  // Writes them into `directory`, which must exist and may be shared (/tmp). A file that names
  // nobody who lives is replaced. Nothing is written if one of them is refused. The directory is
  // locked meanwhile: of two hubs that start at once, one gets all of them.
  // Errors: WORKSPACE_LOCKED (pid, lock: the file): a loop or another hub runs under it; IO_FAILED,
  // DISK_FULL.
  static absl::StatusOr<std::unique_ptr<PidDirectory>> Claim(std::string directory);
  // Removes those that still are this process's.
  ~PidDirectory();
  PidDirectory(const PidDirectory&) = delete;
  PidDirectory& operator=(const PidDirectory&) = delete;

 private:
  explicit PidDirectory(std::string directory) : directory_(std::move(directory)) {}
  absl::Status Write() const;

  const std::string directory_;
};

}  // namespace coordhub::hub
