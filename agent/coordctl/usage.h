// What is wrong with a command line, in words that help.

#pragma once

#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"

namespace coordhub::coordctl {

// INVALID_ARGUMENT/INVALID_FIELD for a command line that `app` refused with `error`. Names the
// command or option that nobody knows, and the nearest that is known. Metadata: `field` (COMMAND,
// an option, or "command line"), `nearest` where there is one.
absl::Status UsageError(const CLI::App& app, const CLI::ParseError& error);

}  // namespace coordhub::coordctl
