// What the exit status says. Frozen: scripts depend on it.

#pragma once

#include "absl/status/status.h"

namespace coordhub::coordctl {

enum class ExitCode {
  kOk = 0,
  kFailed = 1,        // anything that has no code of its own
  kUsage = 2,         // the command line, or a value in it, is not acceptable
  kNotFound = 3,      // what was named does not exist
  kRefused = 4,       // the hub refused: state, rights, a lost race, a lost claim or session
  kNothingReady = 5,  // `ticket next` found no work; `round status --wait`: blocked
  kNoHub = 6,         // no hub answers
  kReady = 7,         // `round status --wait`: nothing blocks it, it has not converged yet
};

// The exit code for a call's outcome.
ExitCode ExitCodeFor(const absl::Status& status);

// One line for each code, for --help.
extern const char kExitCodeHelp[];

}  // namespace coordhub::coordctl
