#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string>

#include "agent/base/error.h"
#include "agent/base/give_way.h"
#include "agent/base/status_macros.h"
#include "agent/base/string_view.h"
#include "hub/git/entered_worktree.h"
#include "hub/git/worktree_staging.h"

namespace coordhub::git {
namespace {

WorktreeRecovery Stuck(const absl::Status& why) {
  return {WorktreeRecovery::State::kStuck, std::string(base::ToStd(why.message()))};
}

// Waits until git that our process left behind is at its end. False: the work was cancelled.
bool OutlastGit(const WorktreeWork& work, const std::string& entry) {
  const base::UniqueFd lock(open((entry + "/coordhub").c_str(), O_RDONLY | O_CLOEXEC));
  while (lock.valid() && flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return true;
    if (IsCancelled(work)) return false;
    base::GiveWay();
  }
  return true;
}

WorktreeRecovery Undone(const Staging& staging) {
  if (const absl::Status swept = Sweep(staging); !swept.ok()) return Stuck(swept);
  return {WorktreeRecovery::State::kUndone,
          "the hub ended while it was under way; what there was of it is removed"};
}

// Whether somebody else has made the branch since: ours is made after the worktree got its place.
absl::StatusOr<bool> IsOthersBranch(const WorktreeWork& work, const EnteredWorktree& entered) {
  if (!entered.mark.makes_branch || !IsThere(entered.staging.tree)) return false;
  COORDHUB_ASSIGN_OR_RETURN(const auto head, HeadOfBranch(work, entered.mark.branch));
  return head.has_value();
}

absl::Status GoForward(const WorktreeWork& work, const EnteredWorktree& entered) {
  COORDHUB_RETURN_IF_ERROR(Show(entered));
  if (entered.mark.makes_branch) {
    COORDHUB_ASSIGN_OR_RETURN(const auto head, HeadOfBranch(work, entered.mark.branch));
    if (!head.has_value())
      COORDHUB_RETURN_IF_ERROR(MakeBranch(work, entered.mark, entered.mark.commit));
  }
  return Unlock(entered);
}

WorktreeRecovery RecoverEntered(const WorktreeWork& work, const EnteredWorktree& entered) {
  const absl::StatusOr<bool> others = IsOthersBranch(work, entered);
  if (!others.ok()) return Stuck(others.status());
  absl::Status status =
      *others ? base::MakeFieldError("branch", "somebody made it meanwhile") : absl::OkStatus();
  if (status.ok()) status = GoForward(work, entered);
  if (status.ok()) {
    return {WorktreeRecovery::State::kDone, "finished after the hub had ended"};
  }
  // Only what was refused is undone; what failed may work the next time.
  if (base::ReasonOf(status) != v1::ERROR_REASON_INVALID_FIELD) return Stuck(status);
  if (const absl::Status taken = TakeBack(work, entered); !taken.ok()) return Stuck(taken);
  return Undone(entered.staging);
}

}  // namespace

WorktreeRecovery RecoverMaking(const WorktreeWork& work) {
  const std::string path = RealPathOf(work.path);
  const Staging staging = StagingOf(work, path, "of");
  if (!OutlastGit(work, staging.entry)) return Stuck(Cancelled());
  if (IsThere(staging.entry)) return Undone(staging);
  for (const FoundWorktree& worktree : ListLinkedWorktrees(work.common_dir)) {
    const std::string& entry = worktree.place.git_dir;
    const std::optional<EntryMark> mark = ReadMark(entry);
    if (!mark.has_value() || mark->id != work.id) continue;
    if (worktree.lock_reason == kBeingMade)
      return RecoverEntered(work, {staging, path, entry, *mark});
    rmdir(staging.holder.c_str());
    return {WorktreeRecovery::State::kDone, "it was made just before the hub ended"};
  }
  return Undone(staging);
}

}  // namespace coordhub::git
