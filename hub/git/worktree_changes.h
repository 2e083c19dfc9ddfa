// Worktrees that are made and removed: whole, or not at all.
//
// A worktree is made beside its place and shown when it is whole, and removed from its place in one
// step before anything of it goes. So at whatever moment this process ends, what is at the path is
// a worktree or it is not; and what is beside it is named after the work, so that the next process
// knows it for its own.

#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace coordhub::git {

// Work on one worktree.
struct WorktreeWork {
  std::string common_dir;
  // Where the main worktree is, as ObserverOptions::found_in has it.
  std::string found_in;
  // Of [A-Za-z0-9-], 1 to 100 of them: names what is under way. The same when the work is
  // recovered, and no other work's.
  std::string id;
  // Absolute.
  std::string path;
  // The symbolic link that the hub makes in its worktrees, relative, and the directory that it
  // leads to. Both empty: none.
  std::string link_path;
  std::string link_target;
  // Asked now and again; true: stop and undo. Null: nobody stops it.
  std::function<bool()> cancelled;
  // Told before each step, in percent and in words. Null: nobody.
  std::function<void(int, std::string_view)> progress;
};

// What became of work that a process left under way when it ended.
struct WorktreeRecovery {
  enum class State {
    // It is at its end.
    kDone,
    // Nothing is left of it.
    kUndone,
    // Neither could be; it may be tried again.
    kStuck,
  };
  State state = State::kUndone;
  // In words.
  std::string text;
};

struct NewWorktree {
  std::string branch;
  // The branch is there, and is checked out as it is.
  bool existing_branch = false;
  // Branch or commit where a new branch starts. Empty: HEAD.
  std::string start_point;
  // The path must lead into this directory, whatever links there are on the way. Empty: anywhere.
  std::string only_below;
};

struct MadeWorktree {
  // As git calls it: without symbolic links.
  std::string path;
  std::string branch;
  // Hex.
  std::string commit;
};

// Makes a worktree. Several at once, also of several processes and beside `git worktree add` by
// hand, do not disturb each other: nothing of git's is locked, but the new branch while it is made.
// Hooks do not run. Blocks; any thread.
// Errors: INVALID_FIELD `branch` (git refuses the name; it exists, or is checked out), `path`
// (something is there, or it is in a git directory), `start_point`; BRANCH_NOT_FOUND (branch): the
// start point, or the branch that was to exist; IO_FAILED (operation), with what git says;
// DISK_FULL. Nothing is left then, but for directories on the way to the path.
absl::StatusOr<MadeWorktree> MakeWorktree(const WorktreeWork& work, const NewWorktree& wanted);

// Finishes or undoes what a process left of MakeWorktree. Waits until git that outlived it is at
// its end. Blocks; any thread.
WorktreeRecovery RecoverMaking(const WorktreeWork& work);

struct WorktreeRemoval {
  // What the branch must have been merged into, and its head (hex). Empty: nobody can tell.
  std::string target;
  std::string target_commit;
  // Also when the target lacks commits of the branch, which stay on it.
  bool allow_unmerged = false;
  // Whether nobody works in it; asked with its path before it is looked at, and once more when it
  // is out of the way. Null: nobody is asked.
  std::function<absl::Status(const std::string& path)> check_free;
};

struct RemovedWorktree {
  // As git called it.
  std::string path;
  std::string name;
  // Short name, which is there still; empty: detached.
  std::string branch;
  // Hex; empty: there was none.
  std::string commit;
  // Files and directories that git ignored, which went with it.
  int64_t ignored = 0;
};

// Removes a worktree in which nothing would be lost: it was looked at, taken from its place in one
// step, and looked at again. Never removes a branch. Blocks; any thread.
// Errors: WORKTREE_NOT_FOUND (worktree), INVALID_FIELD `path` (the main worktree), WORKTREE_DIRTY
// (worktree, changed_files, unmerged_commits; the message says what there is), those of
// `check_free`; IO_FAILED. The worktree is as it was then.
absl::StatusOr<RemovedWorktree> RemoveWorktree(const WorktreeWork& work,
                                               const WorktreeRemoval& removal);

// Finishes or undoes what a process left of RemoveWorktree. Blocks; any thread.
WorktreeRecovery RecoverRemoval(const WorktreeWork& work);

}  // namespace coordhub::git
