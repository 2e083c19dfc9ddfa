#include "agent/base/git_location.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cctype>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "agent/base/error.h"
#include "agent/base/git_config.h"
#include "agent/base/git_trust.h"
#include "agent/base/status_macros.h"

namespace coordhub::base {
namespace {

namespace fs = std::filesystem;

constexpr char kDotGit[] = ".git";
constexpr size_t kMaxLinkBytes = size_t{1} << 20;  // git's own bound
constexpr size_t kMaxHeadBytes = 256;

absl::Status NotFound(const std::string& path, std::string_view why) {
  std::string message = "no git repository at " + path;
  if (!why.empty()) message.append(": ").append(why);
  return MakeError(pb::ERROR_REASON_WORKSPACE_NOT_FOUND, message, {{"path", path}});
}

// Where the search ended.
struct Found {
  std::string git_dir;
  std::string
      top;  // the directory whose `.git` that is; empty: the search came to `git_dir` itself
  std::string link;  // the file `.git` that led there, if it is one
};

std::string WithoutLineEnd(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

bool StartsWith(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

// Without symbolic links and without a trailing slash, which canonical() leaves only for the root.
absl::StatusOr<std::string> RealPath(const std::string& asked, const fs::path& path) {
  std::error_code error;
  const fs::path real = fs::canonical(path, error);
  if (error) return NotFound(asked, path.string() + ": " + error.message());
  return real.string();
}

// Whether HEAD names a reference or a commit.
bool HasHead(const std::string& git_dir) {
  const std::string path = git_dir + "/HEAD";
  char target[kMaxHeadBytes];
  if (const ssize_t size = readlink(path.c_str(), target, sizeof(target)); size >= 0) {
    return StartsWith({target, static_cast<size_t>(size)}, "refs/");
  }
  const std::optional<std::string> text = ReadGitFile(path, kMaxHeadBytes);
  if (!text.has_value()) return false;
  if (StartsWith(*text, "ref:")) {
    const size_t name = text->find_first_not_of(" \t\r\n", 4);
    return name != text->npos && StartsWith(std::string_view(*text).substr(name), "refs/");
  }
  static constexpr size_t kShortestId = 40;
  size_t digits = 0;
  while (digits < text->size() && std::isxdigit(static_cast<unsigned char>((*text)[digits]))) {
    ++digits;
  }
  return digits >= kShortestId;
}

// What the git directory shares with other worktrees' (itself, if nothing); nullopt: it is broken.
std::optional<std::string> CommonDirOf(const std::string& git_dir) {
  const std::string path = git_dir + "/commondir";
  if (access(path.c_str(), F_OK) != 0) return git_dir;
  const std::optional<std::string> text = ReadGitFile(path, kMaxLinkBytes);
  if (!text.has_value() || text->empty()) return std::nullopt;
  return (fs::path(git_dir) / WithoutLineEnd(*text)).string();
}

// The marks by which git knows one.
bool IsGitDirectory(const std::string& path) {
  if (!HasHead(path)) return false;
  const std::optional<std::string> common = CommonDirOf(path);
  return common.has_value() && access((*common + "/objects").c_str(), X_OK) == 0 &&
         access((*common + "/refs").c_str(), X_OK) == 0;
}

// The directory that the file `.git` in `top` names.
absl::StatusOr<std::string> FollowLink(const std::string& asked, const std::string& top) {
  static constexpr std::string_view kPrefix = "gitdir: ";
  const std::string link = top + "/" + kDotGit;
  const std::string text = WithoutLineEnd(ReadGitFile(link, kMaxLinkBytes).value_or(""));
  if (!StartsWith(text, kPrefix) || text.size() == kPrefix.size()) {
    return NotFound(asked, link + " names no directory");
  }
  const std::string target = (fs::path(top) / text.substr(kPrefix.size())).string();
  if (!IsGitDirectory(target)) {
    return NotFound(asked, link + " leads to " + target + ", which is none");
  }
  return target;
}

// The repository of this very directory; nullopt: none, look further up.
absl::StatusOr<std::optional<Found>> LookIn(const std::string& asked,
                                            const std::string& directory) {
  const std::string dot_git = (fs::path(directory) / kDotGit).string();
  struct stat info {};
  if (stat(dot_git.c_str(), &info) == 0) {
    if (S_ISREG(info.st_mode)) {
      COORDHUB_ASSIGN_OR_RETURN(std::string git_dir, FollowLink(asked, directory));
      return Found{std::move(git_dir), directory, dot_git};
    }
    if (S_ISDIR(info.st_mode) && IsGitDirectory(dot_git)) return Found{dot_git, directory, ""};
  }
  if (IsGitDirectory(directory)) return Found{directory, "", ""};
  return std::nullopt;
}

// Upwards from `path` as git goes: to the root, or to the border of the file system.
absl::StatusOr<Found> Search(const std::string& path) {
  COORDHUB_ASSIGN_OR_RETURN(std::string directory, RealPath(path, path));
  struct stat start {};
  if (stat(directory.c_str(), &start) == 0 && !S_ISDIR(start.st_mode)) {
    directory = fs::path(directory).parent_path().string();
    (void)stat(directory.c_str(), &start);
  }
  for (;;) {
    COORDHUB_ASSIGN_OR_RETURN(std::optional<Found> found, LookIn(path, directory));
    if (found.has_value()) return *std::move(found);
    const std::string parent = fs::path(directory).parent_path().string();
    struct stat above {};
    if (parent == directory || stat(parent.c_str(), &above) != 0 || above.st_dev != start.st_dev) {
      return NotFound(path, "");
    }
    directory = parent;
  }
}

// What a repository's own configuration says of its worktree.
struct WorktreeSettings {
  std::optional<bool> bare;
  std::string worktree;
  bool more_in_worktree_config = false;
};

bool ReadSettings(const std::string& path, WorktreeSettings* settings) {
  const auto all = ReadGitConfig(path);
  if (!all.has_value()) return false;
  for (const GitSetting& setting : *all) {
    if (setting.key == "core.bare") settings->bare = setting.IsTrue();
    if (setting.key == "core.worktree") settings->worktree = setting.value.value_or("");
    if (setting.key == "extensions.worktreeconfig") {
      settings->more_in_worktree_config = setting.IsTrue();
    }
  }
  return true;
}

// A linked worktree is where its `.git` stands; whoever comes from within the git directory reads
// there where that is.
absl::StatusOr<std::string> LinkedWorktree(const std::string& asked, const Found& found) {
  if (!found.top.empty()) return found.top;
  const std::string text =
      WithoutLineEnd(ReadGitFile(found.git_dir + "/gitdir", kMaxLinkBytes).value_or(""));
  return RealPath(asked, (fs::path(found.git_dir) / text).parent_path());
}

// Of a repository's main worktree: sets worktree_root and is_bare.
absl::Status LocateMainWorktree(const std::string& asked, const Found& found,
                                GitLocation* location) {
  WorktreeSettings settings;
  const bool readable = ReadSettings(location->common_dir + "/config", &settings) &&
                        (!settings.more_in_worktree_config ||
                         ReadSettings(location->git_dir + "/config.worktree", &settings));
  if (!readable) return NotFound(asked, "its configuration cannot be read");
  const fs::path git_dir = location->git_dir;
  const bool is_dot_git = git_dir.filename() == kDotGit;
  location->is_bare = settings.bare.value_or(found.top.empty() && !is_dot_git);
  if (location->is_bare) return absl::OkStatus();
  if (!settings.worktree.empty()) {
    COORDHUB_ASSIGN_OR_RETURN(location->worktree_root,
                              RealPath(asked, git_dir / settings.worktree));
  } else if (!found.top.empty()) {
    location->worktree_root = found.top;
  } else if (is_dot_git) {
    location->worktree_root = git_dir.parent_path().string();
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<GitLocation> LocateRepository(const std::string& path) {
  if (path.empty()) return NotFound("(an empty path)", "");
  COORDHUB_ASSIGN_OR_RETURN(const Found found, Search(path));
  const std::string& place = found.top.empty() ? found.git_dir : found.top;
  if (!GitTrusts(place, {found.link, found.top, found.git_dir})) {
    return NotFound(
        path, place + " belongs to another user, and git's safe.directory does not " + "have it");
  }
  GitLocation location;
  COORDHUB_ASSIGN_OR_RETURN(location.git_dir, RealPath(path, found.git_dir));
  COORDHUB_ASSIGN_OR_RETURN(location.common_dir,
                            RealPath(path, CommonDirOf(found.git_dir).value_or("")));
  if (location.common_dir == location.git_dir) {
    COORDHUB_RETURN_IF_ERROR(LocateMainWorktree(path, found, &location));
    return location;
  }
  location.worktree_name = fs::path(location.git_dir).filename().string();
  COORDHUB_ASSIGN_OR_RETURN(location.worktree_root, LinkedWorktree(path, found));
  return location;
}

}  // namespace coordhub::base
