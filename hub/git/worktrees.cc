#include "hub/git/worktrees.h"

#include <sys/stat.h>

#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/atomic_file.h"
#include "agent/base/string_view.h"
#include "hub/git/heads.h"

namespace coordhub::git {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxSmallFile = 64 << 10;
constexpr std::string_view kGitDirPrefix = "gitdir: ";

// A file of one line without the line's end; nullopt: there is none, or it cannot be read.
std::optional<std::string> ReadLine(const std::string& path) {
  absl::StatusOr<std::optional<std::string>> text = base::ReadFile(path, kMaxSmallFile);
  if (!text.ok() || !text->has_value()) return std::nullopt;
  std::string line = **std::move(text);
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.pop_back();
  return line;
}

std::string Absolute(const std::string& path, const std::string& relative_to) {
  return (fs::path(relative_to) / path).lexically_normal().string();
}

bool IsSameDirectory(const std::string& a, const std::string& b) {
  std::error_code ignored;
  return fs::equivalent(a, b, ignored);
}

// What keeps the directory at the worktree's place from being the worktree; empty: nothing.
std::string CheckPlace(const WorktreePlace& place) {
  struct stat directory {};
  if (stat(place.top.c_str(), &directory) != 0 || !S_ISDIR(directory.st_mode))
    return "its directory is missing; `git worktree prune` forgets it";
  const std::optional<std::string> link = ReadLine(place.top + "/.git");
  if (!link.has_value()) return "its directory is no worktree any more: it has no file .git";
  if (link->substr(0, kGitDirPrefix.size()) != kGitDirPrefix ||
      !IsSameDirectory(Absolute(link->substr(kGitDirPrefix.size()), place.top), place.git_dir)) {
    return "its directory belongs to another repository; `git worktree repair` may help";
  }
  return "";
}

void ReadHeadInto(FoundWorktree* worktree) {
  absl::StatusOr<HeadFile> head = ReadHeadFile(worktree->place.git_dir);
  if (!head.ok()) {
    worktree->problem = std::string(base::ToStd(head.status().message()));
    return;
  }
  worktree->branch = std::move(head->branch);
  worktree->detached_commit = std::move(head->commit);
}

FoundWorktree ReadLinked(const std::string& name, const std::string& git_dir) {
  FoundWorktree worktree;
  worktree.name = name;
  worktree.place.git_dir = git_dir;
  if (const std::optional<std::string> reason = ReadLine(git_dir + "/locked"))
    worktree.lock_reason = reason->empty() ? "locked" : *reason;
  ReadHeadInto(&worktree);
  const std::optional<std::string> link = ReadLine(git_dir + "/gitdir");
  if (!link.has_value() || link->empty()) {
    worktree.problem = "git does not know where it is";
    return worktree;
  }
  worktree.place.top = fs::path(Absolute(*link, git_dir)).parent_path().string();
  if (worktree.problem.empty()) worktree.problem = CheckPlace(worktree.place);
  return worktree;
}

}  // namespace

std::vector<FoundWorktree> ListLinkedWorktrees(const std::string& common_dir) {
  std::vector<FoundWorktree> worktrees;
  std::error_code error;
  for (fs::directory_iterator it(common_dir + "/worktrees", error), end; !error && it != end;
       it.increment(error)) {
    const std::string git_dir = it->path().string();
    struct stat head {};
    // A worktree that is being made or removed has no HEAD yet or any more.
    if (lstat((git_dir + "/HEAD").c_str(), &head) != 0) continue;
    worktrees.push_back(ReadLinked(it->path().filename().string(), git_dir));
  }
  return worktrees;
}

FoundWorktree ReadMainWorktree(const std::string& common_dir, const std::string& top) {
  FoundWorktree worktree;
  worktree.place = {.git_dir = common_dir, .top = top};
  ReadHeadInto(&worktree);
  std::error_code ignored;
  if (!fs::is_directory(top, ignored)) worktree.problem = "its directory is missing";
  return worktree;
}

}  // namespace coordhub::git
