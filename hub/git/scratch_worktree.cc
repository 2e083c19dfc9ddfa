#include "hub/git/scratch_worktree.h"

#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "hub/git/git_command.h"
#include "hub/git/worktrees.h"

namespace coordhub::git {
namespace {

namespace fs = std::filesystem;

// A checkout takes as long as the tree is large.
constexpr absl::Duration kCheckoutTimeout = absl::Minutes(30);

absl::Status GitFailed(const char* operation, const std::string& path, const GitResult& result) {
  return base::MakeError(v1::ERROR_REASON_IO_FAILED,
                         absl::StrCat("cannot ", operation, " ", path, ": ", result.Explain()),
                         {{"operation", operation}, {"path", path}});
}

GitCommand CommandIn(const std::string& common_dir, std::vector<std::string> arguments) {
  GitCommand command;
  command.arguments = {"-c", "core.hooksPath=/dev/null", "--git-dir=" + common_dir};
  command.arguments.insert(command.arguments.end(), arguments.begin(), arguments.end());
  return command;
}

// What a program has made unwritable hinders its removal.
void MakeDirectoriesWritable(const std::string& path) {
  std::error_code error;
  fs::permissions(path, fs::perms::owner_all, fs::perm_options::add, error);
  for (fs::recursive_directory_iterator it(path, error), end; !error && it != end;
       it.increment(error)) {
    std::error_code ignored;
    if (!it->is_symlink(ignored) && it->is_directory(ignored)) {
      fs::permissions(it->path(), fs::perms::owner_all, fs::perm_options::add, ignored);
    }
  }
}

absl::Status RemoveTree(const std::string& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (!error) return absl::OkStatus();
  MakeDirectoriesWritable(path);
  fs::remove_all(path, error);
  return error ? base::MakeIoError("remove", path, error.value()) : absl::OkStatus();
}

// As git writes paths.
std::string Canonical(const std::string& path) {
  std::error_code error;
  const fs::path canonical = fs::weakly_canonical(path, error);
  return error ? path : canonical.string();
}

bool IsKnown(const std::string& common_dir, const std::string& path) {
  for (const FoundWorktree& worktree : ListLinkedWorktrees(common_dir)) {
    if (worktree.place.top == path) return true;
  }
  return false;
}

}  // namespace

absl::StatusOr<std::string> ResolveBranch(const std::string& common_dir,
                                          const std::string& branch) {
  std::string output;
  // Unlike rev-parse, it takes a name and nothing that is computed from one.
  GitCommand command =
      CommandIn(common_dir, {"show-ref", "--verify", "--hash", "refs/heads/" + branch});
  command.on_output = [&output](std::string_view bytes) { output.append(bytes); };
  command.max_output = 4096;
  COORDHUB_ASSIGN_OR_RETURN(const GitResult result, RunGit(command));
  if (result.ok()) return std::string(absl::StripAsciiWhitespace(output));
  if (result.end != GitResult::End::kExited) return GitFailed("resolve", branch, result);
  return base::MakeError(v1::ERROR_REASON_BRANCH_NOT_FOUND,
                         absl::StrCat("there is no branch ", branch), {{"branch", branch}});
}

absl::Status MakeScratchWorktree(const std::string& common_dir, const std::string& path,
                                 const std::string& commit,
                                 const std::function<bool()>& cancelled) {
  GitCommand command =
      CommandIn(common_dir, {"worktree", "add", "--quiet", "--detach", path, commit});
  command.timeout = kCheckoutTimeout;
  command.is_cancelled = cancelled;
  COORDHUB_ASSIGN_OR_RETURN(const GitResult result, RunGit(command));
  if (result.ok()) return absl::OkStatus();
  const absl::Status failed = GitFailed("check out a worktree at", path, result);
  (void)RemoveScratchWorktree(common_dir, path);  // the first error says more
  return failed;
}

absl::Status RemoveScratchWorktree(const std::string& common_dir, const std::string& path) {
  const std::string canonical = Canonical(path);
  COORDHUB_RETURN_IF_ERROR(RemoveTree(path));
  if (!IsKnown(common_dir, canonical)) return absl::OkStatus();
  // Twice --force: one that was cut off while it was made is locked.
  COORDHUB_ASSIGN_OR_RETURN(
      const GitResult result,
      RunGit(CommandIn(common_dir, {"worktree", "remove", "--force", "--force", canonical})));
  return result.ok() ? absl::OkStatus() : GitFailed("forget the worktree", path, result);
}

std::vector<std::string> ListScratchWorktrees(const std::string& common_dir,
                                              const std::string& directory) {
  std::set<std::string> paths;
  const std::string canonical = Canonical(directory);
  for (const FoundWorktree& worktree : ListLinkedWorktrees(common_dir)) {
    const fs::path top = worktree.place.top;
    if (top.parent_path() == canonical) paths.insert(directory + "/" + top.filename().string());
  }
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    paths.insert(directory + "/" + it->path().filename().string());
  }
  return {paths.begin(), paths.end()};
}

}  // namespace coordhub::git
