#include "hub/git/worktree_staging.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/base/atomic_file.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "agent/base/string_view.h"
#include "agent/base/text.h"

namespace coordhub::git {
namespace {

namespace fs = std::filesystem;

constexpr char kMarkFile[] = "/coordhub";
constexpr size_t kMaxSmallFile = 64 << 10;
// What git prints where it is asked for one thing.
constexpr size_t kMaxAnswer = 1 << 20;
// A checkout of much, on a slow disk.
constexpr absl::Duration kGitTimeout = absl::Minutes(30);

std::string FirstLineOf(const std::string& path) {
  const auto text = base::ReadFile(path, kMaxSmallFile);
  if (!text.ok() || !text->has_value()) return "";
  return (*text)->substr(0, (*text)->find('\n'));
}

// Lets the owner into all directories: those of a module cache, say, are read-only.
void OpenDirectories(const fs::path& top) {
  std::error_code ignored;
  chmod(top.c_str(), 0700);
  for (const fs::directory_entry& entry : fs::directory_iterator(top, ignored)) {
    if (entry.symlink_status(ignored).type() == fs::file_type::directory)
      OpenDirectories(entry.path());
  }
}

}  // namespace

absl::Status WriteMark(const std::string& git_dir, const EntryMark& mark) {
  return base::AtomicReplaceFile(
      git_dir + kMarkFile,
      absl::StrCat(mark.id, "\n", mark.commit, "\n", mark.makes_branch ? "new" : "existing", "\n",
                   mark.branch, "\n"),
      0600);
}

std::optional<EntryMark> ReadMark(const std::string& git_dir) {
  const auto text = base::ReadFile(git_dir + kMarkFile, kMaxSmallFile);
  if (!text.ok() || !text->has_value()) return std::nullopt;
  const std::vector<std::string> lines = absl::StrSplit(**text, '\n');
  if (lines.size() != 5) return std::nullopt;
  return EntryMark{
      .id = lines[0], .branch = lines[3], .commit = lines[1], .makes_branch = lines[2] == "new"};
}

Staging StagingOf(const WorktreeWork& work, const std::string& path, std::string_view purpose) {
  const std::string name = absl::StrCat("worktree-", base::ToAbsl(purpose), "-", work.id);
  Staging staging;
  staging.entry = work.common_dir + "/coordhub/" + name;
  staging.holder = fs::path(path).parent_path().string() + "/.coordhub-" + name;
  staging.tree = staging.holder + "/tree";
  return staging;
}

std::string RealPathOf(const std::string& path) {
  fs::path normal = fs::path(path).lexically_normal();
  if (!normal.has_filename()) normal = normal.parent_path();
  std::error_code error;
  const fs::path parent = fs::weakly_canonical(normal.parent_path(), error);
  return error ? normal.string() : (parent / normal.filename()).string();
}

bool LiesIn(const std::string& path, const std::string& directory) {
  return path == directory || absl::StartsWith(path, directory == "/" ? "/" : directory + "/");
}

absl::Status PathError(std::string_view operation, const std::string& path, int error) {
  if (error == ENOSPC || error == EDQUOT)
    return base::MakeError(v1::ERROR_REASON_DISK_FULL, absl::StrCat("no space left for ", path));
  return base::MakeIoError(operation, path, error);
}

bool IsThere(const std::string& path) {
  struct stat there {};
  return lstat(path.c_str(), &there) == 0;
}

absl::Status EnsureDirectory(const std::string& path, mode_t mode) {
  if (mkdir(path.c_str(), mode) == 0 || errno == EEXIST) return absl::OkStatus();
  return PathError("create directory", path, errno);
}

int MoveDirectory(const std::string& from, const std::string& to) {
  return std::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
}

int MoveToNewName(const std::string& from, const std::string& to) {
  if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  // A file system without that. The name is taken by a directory, which rename then replaces.
  if (mkdir(to.c_str(), 0777) != 0) return errno;
  if (std::rename(from.c_str(), to.c_str()) == 0) return 0;
  const int error = errno;
  rmdir(to.c_str());
  return error;
}

absl::Status RemoveTree(const std::string& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (!error) return absl::OkStatus();
  OpenDirectories(path);
  fs::remove_all(path, error);
  if (!error) return absl::OkStatus();
  return PathError("remove", path, error.value());
}

absl::StatusOr<GitResult> RunGitFor(const WorktreeWork& work, std::vector<std::string> arguments,
                                    std::function<void(std::string_view)> on_output, int input) {
  GitCommand command;
  command.arguments = {"-c", "core.hooksPath=/dev/null"};
  command.arguments.insert(command.arguments.end(), std::make_move_iterator(arguments.begin()),
                           std::make_move_iterator(arguments.end()));
  command.timeout = kGitTimeout;
  command.on_output = std::move(on_output);
  command.is_cancelled = work.cancelled;
  command.input_file = input;
  return RunGit(command);
}

absl::StatusOr<std::optional<std::string>> AskGit(const WorktreeWork& work,
                                                  std::vector<std::string> arguments) {
  std::string output;
  arguments.insert(arguments.begin(), "--git-dir=" + work.common_dir);
  COORDHUB_ASSIGN_OR_RETURN(const GitResult result,
                            RunGitFor(work, std::move(arguments), [&output](std::string_view text) {
                              output.append(text.substr(0, kMaxAnswer - output.size()));
                            }));
  if (result.end != GitResult::End::kExited) return GitFailed("git", result);
  if (result.exit_code != 0) return std::optional<std::string>();
  if (!output.empty() && output.back() == '\n') output.pop_back();
  return std::optional<std::string>(std::move(output));
}

absl::Status GitFailed(std::string_view operation, const GitResult& result) {
  const bool full = absl::StrContains(result.error_text, "No space left on device") ||
                    absl::StrContains(result.error_text, "Disk quota exceeded");
  return base::MakeError(full ? v1::ERROR_REASON_DISK_FULL : v1::ERROR_REASON_IO_FAILED,
                         absl::StrCat(base::ToAbsl(operation), ": ", result.Explain()),
                         {{"operation", std::string(operation)}});
}

absl::StatusOr<std::optional<std::string>> HeadOfBranch(const WorktreeWork& work,
                                                        const std::string& branch) {
  return AskGit(work, {"rev-parse", "--verify", "--quiet", "refs/heads/" + branch + "^{commit}"});
}

std::vector<FoundWorktree> AllWorktrees(const WorktreeWork& work) {
  std::vector<FoundWorktree> all = ListLinkedWorktrees(work.common_dir);
  const MainWorktree main = FindMainWorktree(work.common_dir, work.found_in);
  if (!main.is_bare) all.push_back(ReadMainWorktree(work.common_dir, main.top));
  return all;
}

std::string PlaceOfBranch(const WorktreeWork& work, const std::string& branch,
                          const std::string& except) {
  const std::string reference = "refs/heads/" + branch;
  for (const FoundWorktree& worktree : AllWorktrees(work)) {
    const std::string& git_dir = worktree.place.git_dir;
    if (git_dir == except) continue;
    const std::string where = worktree.place.top.empty() ? git_dir : worktree.place.top;
    if (worktree.branch == branch) return where;
    for (const char* file : {"/rebase-merge/head-name", "/rebase-apply/head-name"}) {
      if (FirstLineOf(git_dir + file) == reference) return where;
    }
    if (FirstLineOf(git_dir + "/BISECT_START") == branch) return where;
  }
  return "";
}

void Tell(const WorktreeWork& work, int percent, std::string_view step) {
  if (work.progress) work.progress(percent, step);
}

bool IsCancelled(const WorktreeWork& work) { return work.cancelled && work.cancelled(); }

}  // namespace coordhub::git
