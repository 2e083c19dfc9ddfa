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
#include "hub/git/library.h"

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

using ConfigHandle = Handle<git_config, git_config_free>;

// The settings of the files that there are, a later one over an earlier; null: one is damaged.
ConfigHandle OpenConfig(const std::vector<std::string>& files) {
  InitializeLibgit2();
  git_config* raw = nullptr;
  if (git_config_new(&raw) != 0) return nullptr;
  ConfigHandle config(raw);
  int level = GIT_CONFIG_LEVEL_LOCAL;
  for (const std::string& file : files) {
    if (git_config_add_file_ondisk(raw, file.c_str(), static_cast<git_config_level_t>(level++),
                                   nullptr, 0) != 0) {
      return nullptr;
    }
  }
  return config;
}

// As git reads it of a repository: config.worktree counts where an extension says so.
ConfigHandle OpenRepositoryConfig(const std::string& common_dir) {
  const std::string shared = common_dir + "/config";
  ConfigHandle config = OpenConfig({shared});
  int by_worktree = 0;
  if (config == nullptr ||
      git_config_get_bool(&by_worktree, config.get(), "extensions.worktreeConfig") != 0 ||
      by_worktree == 0) {
    return config;
  }
  return OpenConfig({shared, common_dir + "/config.worktree"});
}

std::string StringSetting(git_config* config, const char* name) {
  git_buf value = GIT_BUF_INIT;
  if (git_config_get_string_buf(&value, config, name) != 0) return "";
  std::string text(value.ptr, value.size);
  git_buf_dispose(&value);
  return text;
}

// Whether `top`/.git is `git_dir`, or says that it is.
bool LeadsTo(const std::string& top, const std::string& git_dir) {
  const std::string link = top + "/.git";
  if (IsSameDirectory(link, git_dir)) return true;
  const std::optional<std::string> text = ReadLine(link);
  return text.has_value() && text->substr(0, kGitDirPrefix.size()) == kGitDirPrefix &&
         IsSameDirectory(Absolute(text->substr(kGitDirPrefix.size()), top), git_dir);
}

std::string RealPath(const std::string& path) {
  std::error_code error;
  const fs::path real = fs::weakly_canonical(path, error);
  std::string text = error ? path : real.string();
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
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

void LeaveOutThoseBelow(const std::string& directory, std::vector<FoundWorktree>* worktrees) {
  if (directory.empty()) return;
  // Git writes the paths of worktrees without links in them.
  const std::string prefix = RealPath(directory) + "/";
  std::erase_if(*worktrees, [&prefix](const FoundWorktree& worktree) {
    return worktree.place.top.compare(0, prefix.size(), prefix) == 0;
  });
}

MainWorktree FindMainWorktree(const std::string& common_dir, const std::string& found_in) {
  MainWorktree worktree;
  const ConfigHandle config = OpenRepositoryConfig(common_dir);
  int bare = 0;
  bool says_bare = false;
  if (config != nullptr) {
    says_bare = git_config_get_bool(&bare, config.get(), "core.bare") == 0;
    const std::string top = StringSetting(config.get(), "core.worktree");
    if (!top.empty()) worktree.top = RealPath(Absolute(top, common_dir));
  }
  worktree.is_bare = bare != 0 && worktree.top.empty();
  if (bare != 0 || !worktree.top.empty()) return worktree;
  const bool named_as_usual = fs::path(common_dir).filename() == ".git";
  if (!found_in.empty() && LeadsTo(found_in, common_dir)) {
    worktree.top = RealPath(found_in);
  } else if (named_as_usual) {
    worktree.top = fs::path(common_dir).parent_path().string();
  } else {
    worktree.is_bare = !says_bare;
  }
  return worktree;
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
