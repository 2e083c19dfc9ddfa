#include "hub/git/uncommitted_work.h"

#include <filesystem>
#include <initializer_list>
#include <string_view>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "hub/git/git_command.h"
#include "hub/git/scratch_objects.h"
#include "hub/git/worktrees.h"

namespace coordhub::git {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxAnswer = 4096;

absl::Status NotSeen(const std::string& top, std::string_view why) {
  return base::MakeError(v1::ERROR_REASON_NOT_OBSERVED, why, {{"path", top}});
}

absl::StatusOr<WorktreePlace> FindPlace(const std::string& common_dir, const std::string& top) {
  for (const FoundWorktree& worktree : ListLinkedWorktrees(common_dir)) {
    if (worktree.place.top != top) continue;
    if (worktree.problem.empty()) return worktree.place;
    return NotSeen(top, worktree.problem);
  }
  if (FindMainWorktree(common_dir, top).top == top) return WorktreePlace{common_dir, top};
  return NotSeen(top, "no worktree of the repository is there");
}

// One worktree, with an index and an object directory beside its own.
class Picture {
 public:
  Picture(WorktreePlace place, const ScratchObjects& scratch, absl::Duration timeout)
      : place_(std::move(place)),
        objects_(scratch.directory()),
        index_(objects_ + "/uncommitted-index"),
        timeout_(timeout) {}

  // Hex; empty: nothing differs.
  absl::StatusOr<std::string> Commit() const {
    // So that git need not read what did not change.
    std::error_code error;
    fs::copy_file(place_.git_dir + "/index", index_, fs::copy_options::overwrite_existing, error);
    if (error && error != std::errc::no_such_file_or_directory) {
      return base::MakeIoError("copy the index", place_.top, error.value());
    }
    COORDHUB_RETURN_IF_ERROR(Git({"add", "--all", "--", "."}).status());
    COORDHUB_ASSIGN_OR_RETURN(const std::string tree, Git({"write-tree"}));
    COORDHUB_ASSIGN_OR_RETURN(const std::string head, Git({"rev-parse", "--verify", "HEAD"}));
    COORDHUB_ASSIGN_OR_RETURN(const std::string head_tree,
                              Git({"rev-parse", "--verify", "HEAD^{tree}"}));
    if (tree == head_tree) return std::string();
    return Git({"commit-tree", tree, "-p", head, "-m", "uncommitted"});
  }

 private:
  absl::StatusOr<std::string> Git(std::initializer_list<std::string_view> arguments) const {
    std::string output;
    GitCommand command;
    command.arguments = {"-c",
                         "core.compression=0",
                         "-c",
                         "core.fsync=none",
                         absl::StrCat("--git-dir=", place_.git_dir),
                         absl::StrCat("--work-tree=", place_.top),
                         "-C",
                         place_.top};
    for (const std::string_view argument : arguments) command.arguments.emplace_back(argument);
    command.environment = {"GIT_INDEX_FILE=" + index_,
                           "GIT_OBJECT_DIRECTORY=" + objects_,
                           "GIT_ALLOW_PROTOCOL=none",
                           "GIT_AUTHOR_NAME=coordhub",
                           "GIT_AUTHOR_EMAIL=coordhub@localhost",
                           "GIT_COMMITTER_NAME=coordhub",
                           "GIT_COMMITTER_EMAIL=coordhub@localhost"};
    command.timeout = timeout_;
    command.max_output = kMaxAnswer;
    command.on_output = [&output](std::string_view bytes) { output.append(bytes); };
    COORDHUB_ASSIGN_OR_RETURN(const GitResult result, RunGit(command));
    if (!result.ok()) return NotSeen(place_.top, result.Explain());
    return std::string(absl::StripSuffix(output, "\n"));
  }

  const WorktreePlace place_;
  const std::string objects_;
  const std::string index_;
  const absl::Duration timeout_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<UncommittedWork>> UncommittedWork::Take(
    const std::string& common_dir, const std::string& top, absl::Duration timeout) {
  COORDHUB_ASSIGN_OR_RETURN(WorktreePlace place, FindPlace(common_dir, top));
  COORDHUB_ASSIGN_OR_RETURN(auto scratch, ScratchObjects::Make(common_dir));
  COORDHUB_ASSIGN_OR_RETURN(std::string commit,
                            Picture(std::move(place), *scratch, timeout).Commit());
  if (commit.empty()) return nullptr;
  return std::unique_ptr<UncommittedWork>(
      new UncommittedWork(std::move(scratch), std::move(commit)));
}

UncommittedWork::UncommittedWork(std::unique_ptr<ScratchObjects> scratch, std::string commit)
    : scratch_(std::move(scratch)), commit_(std::move(commit)) {}

UncommittedWork::~UncommittedWork() = default;

std::string UncommittedWork::objects() const { return scratch_->directory(); }

}  // namespace coordhub::git
