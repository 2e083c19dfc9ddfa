// Which worktree one stands in, whatever its path is now.
//
// A random id in a file of the worktree's own git directory: it goes with the worktree when that is
// moved or mounted elsewhere, and git removes it together with the worktree, so that another one
// made later at the same path is another one. Thread-safe; blocks on the file system.

#pragma once

#include <optional>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/base/ids.h"

namespace coordhub::coordctl {

// The id of the worktree whose own git directory that is; nullopt: it was given none yet.
// Errors: INTERNAL/IO_FAILED: the file is there and cannot be read, or does not hold an id.
absl::StatusOr<std::optional<std::string>> ReadWorktreeId(const std::string& git_dir);

// The same, given to it now if it has none, or a damaged one. Of several that do this at once, all
// get the same. Errors: INTERNAL/IO_FAILED, RESOURCE_EXHAUSTED/DISK_FULL.
absl::StatusOr<std::string> EnsureWorktreeId(const std::string& git_dir, base::IdSource* ids);

// Takes the id away, whatever stands there. Errors: INTERNAL/IO_FAILED.
absl::Status ForgetWorktreeId(const std::string& git_dir);

// The ids that the worktrees of a repository have; what cannot be read is left out.
std::set<std::string> WorktreeIdsOf(const std::string& common_dir);

}  // namespace coordhub::coordctl
