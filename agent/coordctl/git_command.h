// git, the program, for what only it may do.

#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace coordhub::coordctl {

// Runs `git -C directory <arguments>` without a terminal, in an English that can be read, and not
// led elsewhere by GIT_ variables. Returns what it printed, errors included, at most 1 MiB. Blocks
// until it ends.
//
// Errors:
//   NOT_FOUND  there is no git.
//   INTERNAL   it failed; the message is what it printed.
absl::StatusOr<std::string> RunGit(const std::string& directory,
                                   const std::vector<std::string>& arguments);

}  // namespace coordhub::coordctl
