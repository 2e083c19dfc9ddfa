#pragma once

#include "absl/status/status.h"
#include "hub/main/options.h"

namespace coordhub::hub {

// Takes the lines of a log that is given up (for a backup of it, or because it was a copy) out of
// tickets.md: the next hub would take tickets that its log does not have for somebody's new ones.
// What others appended stays for it to import. Nothing is done where there is no such file; a copy
// of it goes into the state directory. Blocks. Errors: IO_FAILED, DISK_FULL, LIMIT_REACHED.
absl::Status ForgetOwnLines(const WorkspacePlan& plan);

}  // namespace coordhub::hub
