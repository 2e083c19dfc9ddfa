#include "hub/git/entered_worktree.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "agent/base/atomic_file.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "hub/git/status_count.h"

namespace coordhub::git {
namespace {

constexpr char kNoCommit[] = "0000000000000000000000000000000000000000";
constexpr size_t kMaxGitFile = 64 << 10;

// Whether what is at its place is the worktree, and nothing else that came there.
bool IsShown(const EnteredWorktree& entered) {
  const auto link = base::ReadFile(entered.path + "/.git", kMaxGitFile);
  return link.ok() && *link == GitFileOf(entered.entry);
}

// Whether somebody has changed or added files since it was shown.
absl::StatusOr<bool> HasWork(const WorktreeWork& work, const EnteredWorktree& entered) {
  bool any = false;
  PorcelainReader reader([&](std::string_view states, std::string_view path) {
    any = any || (states[1] != ' ' && path != work.link_path);
  });
  COORDHUB_ASSIGN_OR_RETURN(
      const GitResult result,
      RunGitFor(work,
                {"--git-dir=" + entered.entry, "--work-tree=" + entered.staging.tree, "status",
                 "--porcelain=v1", "-z", "--untracked-files=all"},
                [&reader](std::string_view text) { reader.Feed(text); }));
  if (!result.ok()) return GitFailed("look for work", result);
  return any;
}

// Out of its place again, unless somebody has worked in it already.
absl::Status Hide(const WorktreeWork& work, const EnteredWorktree& entered) {
  if (!IsShown(entered)) return absl::OkStatus();
  if (const int error = MoveDirectory(entered.path, entered.staging.tree); error != 0)
    return PathError("take back", entered.path, error);
  const absl::StatusOr<bool> has_work = HasWork(work, entered);
  if (has_work.ok() && !*has_work) return absl::OkStatus();
  if (const int error = MoveDirectory(entered.staging.tree, entered.path); error != 0)
    return PathError("put back", entered.path, error);
  if (!has_work.ok()) return has_work.status();
  return base::MakeError(
      v1::ERROR_REASON_IO_FAILED,
      absl::StrCat("somebody works already in ", entered.path, ", whose branch could not be made"),
      {{"operation", "take back"}});
}

}  // namespace

std::string GitFileOf(const std::string& entry) { return absl::StrCat("gitdir: ", entry, "\n"); }

absl::Status Cancelled() {
  return base::MakeError(v1::ERROR_REASON_CALLER_GONE, "the work was called off");
}

absl::Status TakeBack(const WorktreeWork& work, const EnteredWorktree& entered) {
  if (!IsThere(entered.staging.tree)) COORDHUB_RETURN_IF_ERROR(Hide(work, entered));
  if (const int error = MoveToNewName(entered.entry, entered.staging.entry); error != 0)
    return PathError("take back", entered.entry, error);
  return absl::OkStatus();
}

absl::Status Show(const EnteredWorktree& entered) {
  if (!IsThere(entered.staging.tree) && IsShown(entered)) return absl::OkStatus();
  const int error = MoveDirectory(entered.staging.tree, entered.path);
  if (error == 0) return absl::OkStatus();
  if (error == ENOENT) return base::MakeFieldError("path", "somebody took the worktree away");
  if (error == ENOTEMPTY || error == EEXIST || error == ENOTDIR) {
    return base::MakeFieldError("path", absl::StrCat("there is something by now: ", entered.path));
  }
  return PathError("rename", entered.path, error);
}

// Git looks whether it is there while it holds its lock.
absl::Status MakeBranch(const WorktreeWork& work, const EntryMark& mark,
                        const std::string& start_point) {
  COORDHUB_ASSIGN_OR_RETURN(const GitResult result,
                            RunGitFor(work, {"--git-dir=" + work.common_dir, "update-ref", "-m",
                                             "branch: Created from " + start_point,
                                             "refs/heads/" + mark.branch, mark.commit, kNoCommit}));
  if (result.ok()) return absl::OkStatus();
  if (result.end != GitResult::End::kExited) return GitFailed("make a branch", result);
  return base::MakeFieldError(
      "branch", absl::StrCat("cannot be made: ", mark.branch, ": ", result.Explain()));
}

absl::Status Unlock(const EnteredWorktree& entered) {
  // Before: once it is unlocked, nobody looks for what a crash left.
  rmdir(entered.staging.holder.c_str());
  if (unlink((entered.entry + "/locked").c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
  const int error = errno;
  mkdir(entered.staging.holder.c_str(), 0700);  // for who takes it back
  return PathError("unlock", entered.entry, error);
}

absl::Status Sweep(const Staging& staging) {
  COORDHUB_RETURN_IF_ERROR(RemoveTree(staging.holder));
  return RemoveTree(staging.entry);
}

}  // namespace coordhub::git
