// Whether a state directory is the one that it was, or a copy of it.
//
// In the file `origin` it keeps the marks (base::FileMark) of its journal, of itself and of the
// repository that it belongs to. What is moved has the marks it had; a copy, and what came back
// from a backup of files, has others. A directory of a version before keeps none, and is taken for
// what it says it is.
//
// Used under the lock of the directory; blocks on the file system.

#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/base/endpoint.h"
#include "hub/main/options.h"

namespace coordhub::hub {

// Whether the journal in the directory is a copy of the one that was there, or of another
// directory's. Errors: STATE_DIR_UNUSABLE (path): it is not a copy, but the same file under another
// name, with which two hubs would write into one journal; IO_FAILED.
absl::StatusOr<bool> IsCopy(const base::StatePaths& state);

// Whether a directory that is not beside its repository belongs to this one: the word of where it
// is may have been copied. Errors: STATE_DIR_UNUSABLE (path): it is another repository's;
// IO_FAILED.
absl::Status CheckBelongsTo(const base::StatePaths& state, const std::string& common_dir);

// Makes a copy a directory of its own, but for its journal: secrets, announcements and lines of
// tickets.md that are the original's go. Errors: IO_FAILED, DISK_FULL.
absl::Status BreakWithOriginal(const WorkspacePlan& plan);

// From now on this is the directory that it is. Writes nothing where that is known already.
// Errors: IO_FAILED, DISK_FULL.
absl::Status RememberOrigin(const base::StatePaths& state, const std::string& common_dir);

}  // namespace coordhub::hub
