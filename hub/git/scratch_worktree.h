// Worktrees that the hub makes for itself and removes again, and the heads that it makes them of.
//
// Nothing here is for worktrees of others: RemoveScratchWorktree asks nobody what is in one. All
// functions block; any thread.

#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace coordhub::git {

// The commit at which a branch (its short name) is now, hex. Errors: BRANCH_NOT_FOUND (branch),
// IO_FAILED.
absl::StatusOr<std::string> ResolveBranch(const std::string& common_dir, const std::string& branch);

// Checks `commit` out at `path`, which must not exist and whose parent must, with a detached HEAD;
// no hook runs. `cancelled` is asked now and then; may be null. An error leaves nothing at `path`.
// Errors: IO_FAILED (path): git could not; the message says why.
absl::Status MakeScratchWorktree(const std::string& common_dir, const std::string& path,
                                 const std::string& commit, const std::function<bool()>& cancelled);

// Removes the worktree at `path` with all that is in it, also what is left of one. OK when nothing
// is. Errors: IO_FAILED (path): some of it cannot be removed.
absl::Status RemoveScratchWorktree(const std::string& common_dir, const std::string& path);

// The paths of the worktrees that lie in `directory`: those that git knows, whether they are there
// or not, and those that are there, whether git knows them or not.
std::vector<std::string> ListScratchWorktrees(const std::string& common_dir,
                                              const std::string& directory);

}  // namespace coordhub::git
