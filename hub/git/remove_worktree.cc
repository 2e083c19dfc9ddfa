// `git worktree remove` looks, and then removes file by file what is there by then. Here the
// directory is first taken from its place in one step, so that nobody finds it by its path any
// more, and looked at once more before anything goes.

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/log.h"
#include "agent/base/mutant.h"
#include "agent/base/status_macros.h"
#include "agent/base/string_view.h"
#include "hub/git/worktree_contents.h"
#include "hub/git/worktree_staging.h"

namespace coordhub::git {
namespace {

namespace fs = std::filesystem;

// The linked worktree at `path`. Errors: WORKTREE_NOT_FOUND, INVALID_FIELD.
absl::StatusOr<FoundWorktree> FindByPath(const WorktreeWork& work, const std::string& path) {
  std::error_code ignored;
  const std::string whole = fs::weakly_canonical(path, ignored).string();
  for (FoundWorktree& worktree : AllWorktrees(work)) {
    const std::string& top = worktree.place.top;
    if (top.empty() || (top != path && top != whole)) continue;
    if (worktree.name.empty()) {
      return base::MakeFieldError("path",
                                  absl::StrCat("is the main worktree, which stays: ", path));
    }
    return std::move(worktree);
  }
  return base::MakeError(v1::ERROR_REASON_WORKTREE_NOT_FOUND,
                         absl::StrCat("there is no worktree at ", path), {{"worktree", path}});
}

absl::Status Dirty(const std::string& path, const WorktreeContents& contents,
                   absl::string_view why) {
  return base::MakeError(v1::ERROR_REASON_WORKTREE_DIRTY,
                         absl::StrCat("the worktree ", path, " stays: ", why),
                         {{"worktree", path},
                          {"changed_files", absl::StrCat(contents.changed_files)},
                          {"unmerged_commits", absl::StrCat(contents.unmerged_commits)}});
}

// Takes away what is in private places by now. What cannot be removed stays there, and is told.
void Discard(const Staging& staging) {
  for (const std::string& part : {staging.holder, staging.entry}) {
    const absl::Status removed = RemoveTree(part);
    if (removed.ok()) continue;
    base::Log(base::LogLevel::kWarning, "the rest of a removed worktree stays",
              {{"path", part}, {"error", removed.ToString()}});
    return;
  }
}

class Removing {
 public:
  Removing(const WorktreeWork& work, const WorktreeRemoval& removal, FoundWorktree worktree)
      : work_(work),
        removal_(removal),
        worktree_(std::move(worktree)),
        path_(worktree_.place.top),
        staging_(StagingOf(work, path_, "off")) {}

  absl::StatusOr<RemovedWorktree> Run();

 private:
  // Errors: WORKTREE_DIRTY, those of check_free.
  absl::StatusOr<WorktreeContents> CheckNothingIsLost(const std::string& top) const;
  absl::Status TakeAway() const;
  void PutBack() const;

  const WorktreeWork& work_;
  const WorktreeRemoval& removal_;
  const FoundWorktree worktree_;
  const std::string path_;
  const Staging staging_;
};

absl::StatusOr<WorktreeContents> Removing::CheckNothingIsLost(const std::string& top) const {
  if (removal_.check_free) COORDHUB_RETURN_IF_ERROR(removal_.check_free(path_));
  COORDHUB_ASSIGN_OR_RETURN(WorktreeContents contents, LookInto(work_, worktree_, top, removal_));
  const std::string why = contents.Explain(removal_);
  if (!why.empty()) return Dirty(path_, contents, why);
  return contents;
}

absl::Status Removing::TakeAway() const {
  if (!IsThere(path_)) return absl::OkStatus();
  COORDHUB_RETURN_IF_ERROR(EnsureDirectory(staging_.holder, 0700));
  if (const int error = MoveToNewName(path_, staging_.tree); error != 0) {
    rmdir(staging_.holder.c_str());
    return PathError("take away", path_, error);
  }
  return absl::OkStatus();
}

// Nobody else makes a worktree at a path that git still knows; what stands there all the same
// stays, and so does ours where it is.
void Removing::PutBack() const {
  if (!IsThere(staging_.tree)) return;
  if (const int error = MoveDirectory(staging_.tree, path_); error != 0) {
    base::Log(base::LogLevel::kError, "a worktree cannot be put back",
              {{"from", staging_.tree}, {"to", path_}, {"errno", absl::StrCat(error)}});
    return;
  }
  rmdir(staging_.holder.c_str());
}

absl::StatusOr<RemovedWorktree> Removing::Run() {
  if (!worktree_.problem.empty() && IsThere(path_)) {
    return Dirty(path_, {}, absl::StrCat("nobody can tell what is in it: ", worktree_.problem));
  }
  Tell(work_, 0, "looks into it");
  COORDHUB_RETURN_IF_ERROR(CheckNothingIsLost(path_).status());
  Tell(work_, 30, "takes it away");
  COORDHUB_RETURN_IF_ERROR(TakeAway());
  Tell(work_, 40, "looks again");
  const bool once = base::MutantActive("worktree_looked_at_once");
  absl::StatusOr<WorktreeContents> contents =
      once ? WorktreeContents() : CheckNothingIsLost(staging_.tree);
  absl::Status status = contents.status();
  if (status.ok() && IsCancelled(work_))
    status = base::MakeError(v1::ERROR_REASON_CALLER_GONE, "the work was called off");
  if (status.ok()) {
    Tell(work_, 60, "takes it out of git");
    status = EnsureDirectory(work_.common_dir + "/coordhub", 0700);
  }
  if (status.ok()) {
    const int error = MoveToNewName(worktree_.place.git_dir, staging_.entry);
    if (error != 0) status = PathError("take out of git", worktree_.place.git_dir, error);
  }
  if (!status.ok()) {
    PutBack();
    return status;
  }
  // From here on, the next start goes forward.
  Tell(work_, 70, "removes files");
  Discard(staging_);
  // As git does after the last one.
  rmdir((work_.common_dir + "/worktrees").c_str());
  RemovedWorktree removed{path_, worktree_.name, worktree_.branch, "", contents->ignored};
  const auto head = worktree_.branch.empty()
                        ? std::optional(worktree_.detached_commit)
                        : HeadOfBranch(work_, worktree_.branch).value_or(std::nullopt);
  removed.commit = head.value_or("");
  return removed;
}

WorktreeRecovery Recovered(WorktreeRecovery::State state, std::string text) {
  return {state, std::move(text)};
}

}  // namespace

absl::StatusOr<RemovedWorktree> RemoveWorktree(const WorktreeWork& work,
                                               const WorktreeRemoval& removal) {
  COORDHUB_ASSIGN_OR_RETURN(FoundWorktree worktree, FindByPath(work, RealPathOf(work.path)));
  return Removing(work, removal, std::move(worktree)).Run();
}

WorktreeRecovery RecoverRemoval(const WorktreeWork& work) {
  using State = WorktreeRecovery::State;
  std::error_code ignored;
  const std::string path = fs::weakly_canonical(RealPathOf(work.path), ignored).string();
  const Staging staging = StagingOf(work, path, "off");
  if (IsThere(staging.entry)) {
    Discard(staging);
    return Recovered(State::kDone, "finished after the hub had ended");
  }
  if (IsThere(staging.tree)) {
    if (const int error = MoveDirectory(staging.tree, path); error != 0) {
      return Recovered(
          State::kStuck,
          absl::StrCat(base::ToAbsl(base::ToStd(PathError("put back", path, error).message())),
                       "; the worktree is in ", staging.tree));
    }
  }
  rmdir(staging.holder.c_str());
  if (FindByPath(work, path).ok()) {
    return Recovered(State::kUndone, "the hub ended while it was under way; nothing is removed");
  }
  return Recovered(State::kDone, "it was gone when the hub ended");
}

}  // namespace coordhub::git
