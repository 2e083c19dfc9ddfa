// How `coordhub` ends. Documented in its --help; scripts rely on it.

#pragma once

#include "absl/status/status.h"

namespace coordhub::hub {

enum ExitCode : int {
  kOk = 0,
  kFailed = 1,
  // The command line is wrong.
  kUsage = 2,
  // Refused as things stand, and somebody can change that: another hub holds the workspace, say.
  kRefused = 4,
  // No hub runs there.
  kNoHub = 6,
  // The journal failed under a running hub: nothing more was acknowledged. A restart goes on from
  // what is durable.
  kJournalFailed = 70,
  // A file by which the hub holds its repository (lock, journal, socket) was removed, renamed or
  // replaced under it: nothing more was acknowledged. Somebody has to look before a restart.
  kStateLost = 71,
};

// The exit code for an error of a command.
ExitCode ExitCodeOf(const absl::Status& status);

}  // namespace coordhub::hub
