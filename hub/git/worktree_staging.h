// Where a worktree is while it is made or removed, and what its git directory says of that. Private
// to this folder.

#pragma once

#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/base/unique_fd.h"
#include "hub/git/git_command.h"
#include "hub/git/worktree_changes.h"
#include "hub/git/worktrees.h"

namespace coordhub::git {

// What stands in the file `locked` of a worktree that is not whole yet: git prunes none that is
// locked, and tells people why.
inline constexpr std::string_view kBeingMade = "the hub is making it";

// The file `coordhub` in the git directory of a worktree that the hub made.
struct EntryMark {
  // WorktreeWork::id.
  std::string id;
  std::string branch;
  // Hex: where the branch starts, and what is checked out.
  std::string commit;
  // The branch was not there before.
  bool makes_branch = false;
};
absl::Status WriteMark(const std::string& git_dir, const EntryMark& mark);
// Nullopt: there is none, or it cannot be read.
std::optional<EntryMark> ReadMark(const std::string& git_dir);

// Private places of one piece of work.
struct Staging {
  // The git directory of the worktree, in the hub's own directory: on the file system of the
  // repository, where git does not look for it.
  std::string entry;
  // A directory of mode 0700 beside the worktree's place, on the file system of that.
  std::string holder;
  // The worktree in it.
  std::string tree;
};
Staging StagingOf(const WorktreeWork& work, const std::string& path, std::string_view purpose);

// `path` without a slash at its end and without symbolic links, but for what it names itself.
std::string RealPathOf(const std::string& path);
// Whether `path` is `directory` or lies below it. Both without symbolic links.
bool LiesIn(const std::string& path, const std::string& directory);

// Whether something has that name, be it a link that leads nowhere.
bool IsThere(const std::string& path);
// Makes a directory; one that is there already is fine.
absl::Status EnsureDirectory(const std::string& path, mode_t mode);
// Renames a directory to where nothing is yet, or an empty directory. Errno; 0: it was renamed.
int MoveDirectory(const std::string& from, const std::string& to);
// The same; never over an empty directory either.
int MoveToNewName(const std::string& from, const std::string& to);
// Removes all below `path`, and it; also out of directories that their owner may not write. No
// symbolic link is followed. One that is not there is fine.
absl::Status RemoveTree(const std::string& path);
absl::Status PathError(std::string_view operation, const std::string& path, int error);

// Runs git for `work`: without hooks, in the repository, ended when the work is cancelled.
absl::StatusOr<GitResult> RunGitFor(const WorktreeWork& work, std::vector<std::string> arguments,
                                    std::function<void(std::string_view)> on_output = nullptr,
                                    int input = -1);
// What it prints, without the last newline; nullopt: git says no (exit code). Errors: IO_FAILED.
absl::StatusOr<std::optional<std::string>> AskGit(const WorktreeWork& work,
                                                  std::vector<std::string> arguments);
// Why git did not do it. DISK_FULL where it says so, else IO_FAILED (operation).
absl::Status GitFailed(std::string_view operation, const GitResult& result);
// The head of a branch, hex; nullopt: there is no such branch.
absl::StatusOr<std::optional<std::string>> HeadOfBranch(const WorktreeWork& work,
                                                        const std::string& branch);

// All worktrees, also the main one where there is one.
std::vector<FoundWorktree> AllWorktrees(const WorktreeWork& work);
// Where a branch is checked out, or about to be again when a rebase or bisection ends, but for
// `except` (a git directory). Empty: nowhere.
std::string PlaceOfBranch(const WorktreeWork& work, const std::string& branch,
                          const std::string& except);

void Tell(const WorktreeWork& work, int percent, std::string_view step);
bool IsCancelled(const WorktreeWork& work);

}  // namespace coordhub::git
