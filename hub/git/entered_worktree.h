// The last steps of making a worktree, which the next start does as well, or takes back. Private to
// this folder.

#pragma once

#include <string>

#include "absl/status/status.h"
#include "hub/git/worktree_staging.h"

namespace coordhub::git {

// A worktree that is entered in git under `entry`, and locked; its files are in private places or
// where they belong.
struct EnteredWorktree {
  Staging staging;
  std::string path;
  std::string entry;
  EntryMark mark;
};

// What stands in the file `.git` of the worktree.
std::string GitFileOf(const std::string& entry);
absl::Status Cancelled();

// Gives it its place; it may have it already. Errors: INVALID_FIELD `path`: something else is
// there, or the worktree is gone.
absl::Status Show(const EnteredWorktree& entered);
// Makes its branch. Errors: INVALID_FIELD `branch`: there is one, or git refuses it.
absl::Status MakeBranch(const WorktreeWork& work, const EntryMark& mark,
                        const std::string& start_point);
// It is whole.
absl::Status Unlock(const EnteredWorktree& entered);

// Takes it back: out of its place, unless somebody has worked in it already, and out of git.
absl::Status TakeBack(const WorktreeWork& work, const EnteredWorktree& entered);
// Removes what lies in private places.
absl::Status Sweep(const Staging& staging);

}  // namespace coordhub::git
