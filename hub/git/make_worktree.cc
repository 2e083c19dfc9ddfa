// The git directory of a worktree is written by the hub, as gitrepository-layout(5) has it, and put
// into its place whole; only the files are git's to check out. `git worktree add` fills that
// directory where all others read it, and whoever looks in between fails ("failed to read
// .git/worktrees/x/commondir: Success", also another `git worktree add`): seen 8 times in 480 with
// eight at a time. So the hub disturbs nobody; and as none of the commands below reads other
// worktrees' directories, nobody disturbs the hub, and nothing is tried again.

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/base/atomic_file.h"
#include "agent/base/error.h"
#include "agent/base/mutex.h"
#include "agent/base/status_macros.h"
#include "hub/git/entered_worktree.h"
#include "hub/git/worktree_staging.h"

namespace coordhub::git {
namespace {

namespace fs = std::filesystem;

// Tries to enter a worktree: names that others took, and the directory of all worktrees that
// somebody's `git worktree remove` took away because it was empty.
constexpr int kMaxNames = 10000;

// Two of ours must not both find a branch checked out nowhere, and then check it out.
base::Mutex& PublishingMutex() {
  static auto& mutex = *new base::Mutex;
  return mutex;
}

// As git makes it of the path: what a file's name may be, and a part of a reference's.
std::string NameFor(const std::string& path) {
  std::string name = fs::path(path).filename().string();
  for (char& c : name) {
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '.' && c != '_' && c != '-') c = '-';
  }
  if (name.empty() || name.front() == '.') name.insert(0, "worktree");
  if (name.back() == '.' || absl::EndsWith(name, ".lock")) name += "-";
  return name;
}

class Making {
 public:
  Making(const WorktreeWork& work, const NewWorktree& wanted)
      : work_(work),
        wanted_(wanted),
        path_(RealPathOf(work.path)),
        staging_(StagingOf(work, path_, "of")) {}

  absl::StatusOr<MadeWorktree> Run() {
    Tell(work_, 0, "looks at the repository");
    COORDHUB_RETURN_IF_ERROR(CheckPlace());
    COORDHUB_RETURN_IF_ERROR(FindBranch());
    absl::Status status = Fill();
    if (status.ok()) status = Publish();
    if (status.ok()) return MadeWorktree{path_, wanted_.branch, mark_.commit};
    // What cannot be swept away keeps a name that says whose it is, and is told of.
    if (const absl::Status swept = Sweep(staging_); !swept.ok()) {
      return base::MakeError(v1::ERROR_REASON_IO_FAILED,
                             absl::StrCat(status.message(), "; and ", swept.message()),
                             {{"operation", "undo"}});
    }
    return status;
  }

 private:
  absl::Status CheckPlace() const;
  // Also the commit to check out.
  absl::Status FindBranch();
  absl::StatusOr<std::string> FindStart() const;
  absl::Status Fill();
  absl::Status WriteEntry();
  absl::Status CopySparseness() const;
  absl::Status CheckOut();
  absl::Status Link() const;
  absl::Status Publish();
  absl::StatusOr<std::string> Enter() const;
  absl::Status CheckBranchIsFree(const std::string& except) const;

  const WorktreeWork& work_;
  const NewWorktree& wanted_;
  const std::string path_;
  const Staging staging_;
  EntryMark mark_;
};

absl::Status Making::CheckPlace() const {
  const auto refuse = [this](absl::string_view why) {
    return base::MakeFieldError("path", absl::StrCat(why, ": ", path_));
  };
  if (!wanted_.only_below.empty() &&
      (path_ == wanted_.only_below || !LiesIn(path_, wanted_.only_below))) {
    return refuse(absl::StrCat("an agent's worktrees lie below ", wanted_.only_below,
                               "; elsewhere the operator makes them"));
  }
  std::error_code ignored;
  if (LiesIn(path_, fs::weakly_canonical(work_.common_dir, ignored).string()))
    return refuse("must not lie in the git directory");
  for (const fs::path& part : fs::path(path_)) {
    if (part == ".git") return refuse("must not lie in a git directory");
  }
  struct stat there {};
  const bool exists = lstat(path_.c_str(), &there) == 0;
  if (exists && (!S_ISDIR(there.st_mode) || !fs::is_empty(path_, ignored)))
    return refuse("there is something already");
  for (const FoundWorktree& worktree : AllWorktrees(work_)) {
    if (worktree.place.top != path_) continue;
    return refuse(
        "git still knows a worktree there whose directory is missing; `git worktree prune` "
        "forgets it");
  }
  std::error_code error;
  fs::create_directories(fs::path(path_).parent_path(), error);
  if (error == std::errc::no_space_on_device) return PathError("create", path_, ENOSPC);
  if (error) return refuse(error.message());
  return absl::OkStatus();
}

absl::Status Making::FindBranch() {
  const std::string& branch = wanted_.branch;
  COORDHUB_ASSIGN_OR_RETURN(const auto is_name,
                            AskGit(work_, {"check-ref-format", "refs/heads/" + branch}));
  if (!is_name.has_value() || branch == "HEAD" || branch.empty() || branch.front() == '-')
    return base::MakeFieldError("branch", "must be a name that git allows for a branch");
  COORDHUB_ASSIGN_OR_RETURN(const auto head, HeadOfBranch(work_, branch));
  mark_ = {
      .id = work_.id, .branch = branch, .commit = "", .makes_branch = !wanted_.existing_branch};
  if (wanted_.existing_branch) {
    if (!head.has_value()) {
      return base::MakeError(v1::ERROR_REASON_BRANCH_NOT_FOUND,
                             absl::StrCat("there is no branch ", branch), {{"branch", branch}});
    }
    mark_.commit = *head;
    return CheckBranchIsFree("");
  }
  COORDHUB_ASSIGN_OR_RETURN(
      const auto taken, AskGit(work_, {"show-ref", "--verify", "--quiet", "refs/heads/" + branch}));
  if (taken.has_value()) {
    return base::MakeFieldError(
        "branch", absl::StrCat("exists already: ", branch, " (existing_branch checks it out)"));
  }
  COORDHUB_ASSIGN_OR_RETURN(mark_.commit, FindStart());
  return absl::OkStatus();
}

absl::Status Making::CheckBranchIsFree(const std::string& except) const {
  const std::string place = PlaceOfBranch(work_, wanted_.branch, except);
  if (place.empty()) return absl::OkStatus();
  return base::MakeFieldError("branch",
                              absl::StrCat("is checked out in ", place, ": ", wanted_.branch));
}

// A branch prevails over whatever else its name may mean to git.
absl::StatusOr<std::string> Making::FindStart() const {
  const std::string start = wanted_.start_point.empty() ? "HEAD" : wanted_.start_point;
  if (start.front() == '-')
    return base::MakeFieldError("start_point", "must name a branch or a commit");
  COORDHUB_ASSIGN_OR_RETURN(const auto head, HeadOfBranch(work_, start));
  if (head.has_value()) return *head;
  COORDHUB_ASSIGN_OR_RETURN(
      const auto commit, AskGit(work_, {"rev-parse", "--verify", "--quiet", start + "^{commit}"}));
  if (commit.has_value()) return *commit;
  return base::MakeError(v1::ERROR_REASON_BRANCH_NOT_FOUND,
                         absl::StrCat("there is no branch or commit ", start), {{"branch", start}});
}

absl::Status Making::Fill() {
  COORDHUB_RETURN_IF_ERROR(WriteEntry());
  COORDHUB_RETURN_IF_ERROR(CopySparseness());
  Tell(work_, 10, "checks files out");
  COORDHUB_RETURN_IF_ERROR(CheckOut());
  Tell(work_, 80, "links shared_state");
  return Link();
}

absl::Status Making::WriteEntry() {
  COORDHUB_RETURN_IF_ERROR(EnsureDirectory(work_.common_dir + "/coordhub", 0700));
  COORDHUB_RETURN_IF_ERROR(EnsureDirectory(staging_.entry, 0777));
  // Before anything that the next start must find.
  COORDHUB_RETURN_IF_ERROR(WriteMark(staging_.entry, mark_));
  const std::pair<const char*, std::string> files[] = {
      {"/HEAD", absl::StrCat("ref: refs/heads/", mark_.branch)},
      // From here and from where it will be.
      {"/commondir", "../.."},
      {"/gitdir", path_ + "/.git"},
      {"/locked", std::string(kBeingMade)}};
  for (const auto& [name, line] : files) {
    COORDHUB_RETURN_IF_ERROR(base::AtomicReplaceFile(staging_.entry + name, line + "\n", 0644));
  }
  COORDHUB_RETURN_IF_ERROR(EnsureDirectory(staging_.holder, 0700));
  return EnsureDirectory(staging_.tree, 0777);
}

// As `git worktree add` does: a repository of which only a part is checked out stays one.
absl::Status Making::CopySparseness() const {
  std::error_code error;
  const std::string patterns = work_.common_dir + "/info/sparse-checkout";
  if (fs::exists(patterns, error)) {
    COORDHUB_RETURN_IF_ERROR(EnsureDirectory(staging_.entry + "/info", 0777));
    fs::copy_file(patterns, staging_.entry + "/info/sparse-checkout", error);
    if (error) return PathError("copy", patterns, error.value());
  }
  const std::string config = work_.common_dir + "/config.worktree";
  COORDHUB_ASSIGN_OR_RETURN(
      const std::optional<std::string> by_worktree,
      AskGit(work_, {"config", "--type=bool", "--get", "extensions.worktreeConfig"}));
  if (by_worktree.value_or("") != "true" || !fs::exists(config, error)) return absl::OkStatus();
  const std::string copy = staging_.entry + "/config.worktree";
  fs::copy_file(config, copy, error);
  if (error) return PathError("copy", config, error.value());
  for (const char* own : {"core.worktree", "core.bare"}) {
    COORDHUB_RETURN_IF_ERROR(
        AskGit(work_, {"config", "--file", copy, "--unset-all", own}).status());
  }
  return absl::OkStatus();
}

// Git shares a lock with us, by which whoever comes after us knows that it still runs.
absl::Status Making::CheckOut() {
  const base::UniqueFd lock(open((staging_.entry + "/coordhub").c_str(), O_RDONLY | O_CLOEXEC));
  if (!lock.valid() || flock(lock.get(), LOCK_SH) != 0)
    return PathError("lock", staging_.entry, errno);
  COORDHUB_ASSIGN_OR_RETURN(
      const GitResult result,
      RunGitFor(work_,
                {"--git-dir=" + staging_.entry, "--work-tree=" + staging_.tree, "-C", staging_.tree,
                 "read-tree", "-m", "-u", "--no-recurse-submodules", mark_.commit},
                nullptr, lock.get()));
  return result.ok() ? absl::OkStatus() : GitFailed("check out", result);
}

// A path that the repository itself has is left as it is, and no link of its own is followed.
absl::Status Making::Link() const {
  if (work_.link_path.empty()) return absl::OkStatus();
  std::string at = staging_.tree;
  for (const fs::path& part : fs::path(work_.link_path).parent_path()) {
    at += "/" + part.string();
    struct stat there {};
    if (lstat(at.c_str(), &there) == 0 && !S_ISDIR(there.st_mode)) return absl::OkStatus();
    COORDHUB_RETURN_IF_ERROR(EnsureDirectory(at, 0777));
  }
  const std::string link = staging_.tree + "/" + work_.link_path;
  if (symlink(work_.link_target.c_str(), link.c_str()) == 0 || errno == EEXIST)
    return absl::OkStatus();
  return PathError("link", link, errno);
}

// From entering on, the next start goes forward: all that is left are these few steps, of which the
// branch is the last that may fail. So no branch is made for nothing, and none is ever removed.
absl::Status Making::Publish() {
  base::MutexLock lock(&PublishingMutex());
  if (IsCancelled(work_)) return Cancelled();
  if (wanted_.existing_branch) {
    COORDHUB_ASSIGN_OR_RETURN(const auto head, HeadOfBranch(work_, mark_.branch));
    if (head != mark_.commit) {
      return base::MakeFieldError("branch", absl::StrCat("was moved meanwhile: ", mark_.branch));
    }
  }
  Tell(work_, 85, "enters it in git");
  COORDHUB_ASSIGN_OR_RETURN(const std::string entry, Enter());
  const EnteredWorktree entered{staging_, path_, entry, mark_};
  // Whoever made one by hand meanwhile was seen by nobody until now.
  absl::Status status = CheckBranchIsFree(entry);
  if (status.ok()) {
    Tell(work_, 90, "gives it its name");
    status = Show(entered);
  }
  if (status.ok() && mark_.makes_branch) {
    Tell(work_, 95, "makes its branch");
    const std::string& start = wanted_.start_point;
    status = MakeBranch(work_, mark_, start.empty() ? "HEAD" : start);
  }
  if (status.ok()) {
    Tell(work_, 98, "unlocks it");
    status = Unlock(entered);
  }
  if (status.ok()) return status;
  COORDHUB_RETURN_IF_ERROR(TakeBack(work_, entered));
  return status;
}

// Gives its git directory a name among the others'. Returns that directory.
absl::StatusOr<std::string> Making::Enter() const {
  const std::string all = work_.common_dir + "/worktrees";
  const std::string name = NameFor(path_);
  for (int tries = 0, taken = 0; tries < kMaxNames; ++tries) {
    const std::string entry = absl::StrCat(all, "/", name, taken == 0 ? "" : absl::StrCat(taken));
    COORDHUB_RETURN_IF_ERROR(
        base::AtomicReplaceFile(staging_.tree + "/.git", GitFileOf(entry), 0644));
    COORDHUB_RETURN_IF_ERROR(EnsureDirectory(all, 0777));
    const int error = MoveToNewName(staging_.entry, entry);
    if (error == 0) return entry;
    if (error == EEXIST || error == ENOTEMPTY) {
      ++taken;
    } else if (error != ENOENT) {
      return PathError("enter", entry, error);
    }
  }
  return PathError("enter", all, EEXIST);
}

}  // namespace

absl::StatusOr<MadeWorktree> MakeWorktree(const WorktreeWork& work, const NewWorktree& wanted) {
  return Making(work, wanted).Run();
}

}  // namespace coordhub::git
