#include "hub/git/worktree_contents.h"

#include <sys/stat.h>

#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "agent/base/mutant.h"
#include "agent/base/status_macros.h"
#include "agent/base/string_view.h"
#include "agent/base/text.h"
#include "hub/git/status_count.h"
#include "hub/git/worktree_staging.h"

namespace coordhub::git {
namespace {

namespace fs = std::filesystem;

constexpr size_t kShown = 5;
// Files that the index hides from status are compared one by one; more of them count as changed.
constexpr size_t kMaxHidden = 100;

bool IsEmptyOrMissing(const std::string& directory) {
  std::error_code error;
  const bool empty = fs::is_empty(directory, error);
  return error ? true : empty;
}

// Fields that end with a zero byte, in whatever pieces they come.
class ZeroFields {
 public:
  explicit ZeroFields(std::function<void(const std::string&)> on_field)
      : on_field_(std::move(on_field)) {}
  void Feed(std::string_view bytes) {
    for (const char c : bytes) {
      if (c != '\0') {
        field_ += c;
        continue;
      }
      on_field_(field_);
      field_.clear();
    }
  }

 private:
  const std::function<void(const std::string&)> on_field_;
  std::string field_;
};

class Look {
 public:
  Look(const WorktreeWork& work, const FoundWorktree& worktree, const std::string& top,
       const WorktreeRemoval& removal)
      : work_(work), worktree_(worktree), top_(top), removal_(removal) {}

  absl::StatusOr<WorktreeContents> Run() {
    if (IsThere(top_)) {
      COORDHUB_RETURN_IF_ERROR(CountFiles());
      COORDHUB_RETURN_IF_ERROR(LookIntoIndex());
      LookForOtherThings();
    }
    LookIntoGitDirectory();
    COORDHUB_RETURN_IF_ERROR(CountCommits());
    return std::move(contents_);
  }

 private:
  std::vector<std::string> InWorktree(std::vector<std::string> arguments) const {
    std::vector<std::string> all = {"--git-dir=" + worktree_.place.git_dir,
                                    "--work-tree=" + top_,
                                    "-C",
                                    top_,
                                    "-c",
                                    "core.untrackedCache=false"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return all;
  }
  void NoteFile(std::string_view path) {
    ++contents_.changed_files;
    if (contents_.some_files.size() < kShown)
      contents_.some_files.push_back(base::OneLine(path, 60));
  }
  bool IsOurLink(std::string_view path) const;
  absl::Status CountFiles();
  absl::Status LookIntoIndex();
  absl::Status CompareHidden(const std::string& object, const std::string& path);
  void LookIntoGitDirectory();
  void LookForOtherThings();
  absl::Status CountCommits();
  absl::StatusOr<int64_t> Count(std::vector<std::string> revisions) const;

  const WorktreeWork& work_;
  const FoundWorktree& worktree_;
  const std::string& top_;
  const WorktreeRemoval& removal_;
  WorktreeContents contents_;
};

bool Look::IsOurLink(std::string_view path) const {
  if (path != work_.link_path || work_.link_path.empty()) return false;
  std::error_code error;
  const fs::path target = fs::read_symlink(top_ + "/" + work_.link_path, error);
  return !error && target == work_.link_target;
}

absl::Status Look::CountFiles() {
  PorcelainReader reader([this](std::string_view states, std::string_view path) {
    if (IsOurLink(path)) return;
    if (states == "!!") {
      ++contents_.ignored;
    } else if (states != "??" || !base::MutantActive("untracked_work_forgotten")) {
      NoteFile(path);
    }
  });
  COORDHUB_ASSIGN_OR_RETURN(
      const GitResult result,
      RunGitFor(work_,
                InWorktree({"status", "--porcelain=v1", "-z", "--untracked-files=all",
                            "--ignored=matching", "--ignore-submodules=none"}),
                [&reader](std::string_view text) { reader.Feed(text); }));
  return result.ok() ? absl::OkStatus() : GitFailed("look for changes", result);
}

// Entries that are "assumed unchanged" or skipped are not looked at by status, yet may be there and
// be changed.
absl::Status Look::LookIntoIndex() {
  std::vector<std::pair<std::string, std::string>> hidden;
  std::string submodule;
  ZeroFields reader([&](const std::string& field) {
    // "H 100644 <object> 0\t<path>"
    const std::pair<std::string, std::string> parts =
        absl::StrSplit(field, absl::MaxSplits('\t', 1));
    const std::vector<std::string> words = absl::StrSplit(parts.first, ' ');
    if (words.size() != 4) return;
    const std::string& path = parts.second;
    if (words[1] == "160000" && !IsEmptyOrMissing(top_ + "/" + path)) submodule = path;
    const bool is_plain = words[0] == "H" || words[0] == "M";
    if (!is_plain && words[1] != "160000" && IsThere(top_ + "/" + path))
      hidden.emplace_back(words[2], path);
  });
  COORDHUB_ASSIGN_OR_RETURN(const GitResult result,
                            RunGitFor(work_, InWorktree({"ls-files", "-z", "-v", "--stage"}),
                                      [&reader](std::string_view text) { reader.Feed(text); }));
  if (!result.ok()) return GitFailed("read the index", result);
  if (submodule.empty() && !IsEmptyOrMissing(worktree_.place.git_dir + "/modules")) {
    submodule = "modules";
  }
  if (!submodule.empty()) {
    contents_.more.push_back(absl::StrCat("a submodule is in it (", base::OneLine(submodule, 60),
                                          "), which git does not remove: git submodule deinit"));
  }
  for (size_t i = 0; i < hidden.size(); ++i) {
    if (i >= kMaxHidden) {
      NoteFile(hidden[i].second);
      continue;
    }
    COORDHUB_RETURN_IF_ERROR(CompareHidden(hidden[i].first, hidden[i].second));
  }
  return absl::OkStatus();
}

absl::Status Look::CompareHidden(const std::string& object, const std::string& path) {
  std::string output;
  COORDHUB_ASSIGN_OR_RETURN(
      const GitResult result,
      RunGitFor(work_, InWorktree({"hash-object", "--path=" + path, "--", top_ + "/" + path}),
                [&output](std::string_view text) { output.append(text); }));
  if (!result.ok() || output != object + "\n") NoteFile(path);
  return absl::OkStatus();
}

void Look::LookIntoGitDirectory() {
  const std::pair<const char*, const char*> kinds[] = {
      {"MERGE_HEAD", "a merge is under way"},
      {"CHERRY_PICK_HEAD", "a cherry-pick is under way"},
      {"REVERT_HEAD", "a revert is under way"},
      {"rebase-merge", "a rebase is under way"},
      {"rebase-apply", "a rebase is under way"},
      {"sequencer", "a sequence of commits is under way"},
      {"BISECT_LOG", "a bisection is under way"},
      {"index.lock", "git is at work in it (index.lock)"}};
  for (const auto& [file, clause] : kinds) {
    if (IsThere(worktree_.place.git_dir + "/" + file)) contents_.more.emplace_back(clause);
  }
  if (!IsEmptyOrMissing(worktree_.place.git_dir + "/refs/worktree"))
    contents_.more.emplace_back("it has references of its own (refs/worktree)");
  if (!worktree_.lock_reason.empty()) {
    contents_.more.push_back(
        absl::StrCat("it is locked: ", base::OneLine(worktree_.lock_reason, 100)));
  }
}

// Things that lie in its directory and are not its own. Where git ignores them it would not say so.
void Look::LookForOtherThings() {
  std::error_code ignored;
  std::vector<std::string> others = {work_.common_dir, work_.link_target};
  for (const FoundWorktree& other : AllWorktrees(work_)) others.push_back(other.place.top);
  for (const std::string& other : others) {
    if (other.empty() || other == worktree_.place.top) continue;
    if (!LiesIn(fs::weakly_canonical(other, ignored).string(), worktree_.place.top)) continue;
    contents_.more.push_back(absl::StrCat(base::OneLine(other, 100), " lies in it"));
  }
}

absl::Status Look::CountCommits() {
  if (!worktree_.detached_commit.empty()) {
    COORDHUB_ASSIGN_OR_RETURN(const int64_t lost, Count({worktree_.detached_commit, "--not",
                                                         "--branches", "--tags", "--remotes"}));
    if (lost > 0) contents_.more.push_back(absl::StrCat(lost, " commits of it are on no branch"));
    return absl::OkStatus();
  }
  COORDHUB_ASSIGN_OR_RETURN(const auto head, HeadOfBranch(work_, worktree_.branch));
  contents_.nothing_to_merge_into = head.has_value() && removal_.target_commit.empty();
  if (!head.has_value() || removal_.target_commit.empty()) return absl::OkStatus();
  COORDHUB_ASSIGN_OR_RETURN(contents_.unmerged_commits,
                            Count({*head, "--not", removal_.target_commit}));
  return absl::OkStatus();
}

absl::StatusOr<int64_t> Look::Count(std::vector<std::string> revisions) const {
  std::vector<std::string> arguments = {"rev-list", "--count"};
  arguments.insert(arguments.end(), revisions.begin(), revisions.end());
  COORDHUB_ASSIGN_OR_RETURN(const auto text, AskGit(work_, std::move(arguments)));
  int64_t count = 0;
  if (text.has_value() && absl::SimpleAtoi(*text, &count)) return count;
  GitResult failed;
  failed.exit_code = 128;
  return GitFailed("count commits", failed);
}

}  // namespace

std::string WorktreeContents::Explain(const WorktreeRemoval& removal) const {
  std::vector<std::string> clauses;
  if (changed_files > 0) {
    clauses.push_back(
        absl::StrCat(changed_files, changed_files == 1 ? " file is" : " files are",
                     " changed or untracked (", absl::StrJoin(some_files, ", "),
                     changed_files > static_cast<int64_t>(some_files.size()) ? ", …)" : ")"));
  }
  clauses.insert(clauses.end(), more.begin(), more.end());
  if (!removal.allow_unmerged && unmerged_commits > 0) {
    clauses.push_back(absl::StrCat(
        removal.target, " lacks ", unmerged_commits, unmerged_commits == 1 ? " commit" : " commits",
        " of its branch (allow_unmerged removes the worktree and leaves them there)"));
  }
  if (!removal.allow_unmerged && nothing_to_merge_into) {
    clauses.emplace_back("nobody can tell whether its branch is merged: there is no target branch");
  }
  return absl::StrJoin(clauses, "; ");
}

absl::StatusOr<WorktreeContents> LookInto(const WorktreeWork& work, const FoundWorktree& worktree,
                                          const std::string& top, const WorktreeRemoval& removal) {
  return Look(work, worktree, top, removal).Run();
}

}  // namespace coordhub::git
