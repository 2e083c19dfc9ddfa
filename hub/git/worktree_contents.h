// What of a worktree would be lost with it. Private to this folder.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "hub/git/worktree_changes.h"
#include "hub/git/worktrees.h"

namespace coordhub::git {

struct WorktreeContents {
  // Changed or untracked files.
  int64_t changed_files = 0;
  // The first of them, made harmless.
  std::vector<std::string> some_files;
  // Files and directories that git ignores, without the hub's own link.
  int64_t ignored = 0;
  // Commits of its branch that the target lacks.
  int64_t unmerged_commits = 0;
  // It has a branch, and there is no target to compare it with.
  bool nothing_to_merge_into = false;
  // What else there is, a clause each: "a merge is under way".
  std::vector<std::string> more;

  // What keeps it from being removed, for people; empty: nothing.
  std::string Explain(const WorktreeRemoval& removal) const;
};

// Looks at a worktree whose directory is at `top` now. What configuration or the index hide from
// `git status` is seen all the same. Blocks; any thread. Errors: IO_FAILED.
absl::StatusOr<WorktreeContents> LookInto(const WorktreeWork& work, const FoundWorktree& worktree,
                                          const std::string& top, const WorktreeRemoval& removal);

}  // namespace coordhub::git
