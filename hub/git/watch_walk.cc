// Which directories ChangeWatcher watches.

#include <dirent.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "hub/git/change_watcher.h"

namespace coordhub::git {
namespace {

constexpr uint32_t kEntryMask = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |
                                IN_CLOSE_WRITE | IN_DELETE_SELF | IN_MOVE_SELF;
constexpr uint32_t kFileMask = kEntryMask | IN_ATTRIB | IN_MODIFY;

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};

bool IsDirectory(const std::string& parent, const dirent& entry) {
  if (entry.d_type != DT_UNKNOWN) return entry.d_type == DT_DIR;
  struct stat file {};
  return lstat((parent + "/" + entry.d_name).c_str(), &file) == 0 && S_ISDIR(file.st_mode);
}

// What a directory holds, as far as a walk cares.
struct Listing {
  std::vector<std::string> directories;
  // An entry `.git` of any kind.
  bool has_git = false;
};

Listing List(const std::string& path) {
  Listing listing;
  const std::unique_ptr<DIR, CloseDirectory> directory(opendir(path.c_str()));
  if (directory == nullptr) return listing;  // gone, or closed to us: git cannot look either
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is our own.
  while (const dirent* entry = readdir(directory.get())) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (name == ".git") {
      listing.has_git = true;
    } else if (IsDirectory(path, *entry)) {
      listing.directories.emplace_back(name);
    }
  }
  return listing;
}

std::string ExplainWatchError(int error) {
  if (error == ENOSPC)
    return "the kernel's limit of watches is reached (sysctl fs.inotify.max_user_watches)";
  return absl::StrCat("a directory cannot be watched: ", std::strerror(error));
}

}  // namespace

// One pass over a kind of places.
struct ChangeWatcher::Walk {
  uint64_t pass = 0;
  size_t max_file_watches = 0;
  std::string problem;
};

bool ChangeWatcher::AddWatch(const std::string& directory, Watch watch, Walk* walk) {
  const bool is_file = watch.place == Place::kFiles;
  const int id = inotify_.Add(directory, is_file ? kFileMask : kEntryMask);
  if (id < 0) {
    // Gone since it was listed, or closed to us; anything else is a limit.
    if (id != -ENOENT && id != -ENOTDIR && id != -EACCES) walk->problem = ExplainWatchError(-id);
    return false;
  }
  watch.pass = walk->pass;
  base::MutexLock lock(&mu_);
  const auto [it, is_new] = watches_.try_emplace(id);
  if (!is_new && it->second.place == Place::kFiles) --file_watches_;
  it->second = std::move(watch);
  if (!is_file) return true;
  if (++file_watches_ > walk->max_file_watches) {
    walk->problem =
        absl::StrCat("there are more than ", walk->max_file_watches, " directories to be watched");
  }
  return true;
}

void ChangeWatcher::DropWatches(const std::function<bool(const Watch&)>& condition) {
  std::vector<int> dropped;
  {
    base::MutexLock lock(&mu_);
    for (const auto& [id, watch] : watches_) {
      if (condition(watch)) dropped.push_back(id);
    }
    for (const int id : dropped) {
      if (watches_[id].place == Place::kFiles) --file_watches_;
      watches_.erase(id);
    }
  }
  for (const int id : dropped) inotify_.Remove(id);
}

// ---- the git directory ----

void ChangeWatcher::WatchTree(const std::string& directory, const Watch& watch, Walk* walk) {
  std::vector<std::string> open = {directory};
  while (!open.empty() && walk->problem.empty()) {
    const std::string path = std::move(open.back());
    open.pop_back();
    // Watched before it is listed: what is made in between is seen by both, not by neither.
    if (!AddWatch(path, watch, walk)) continue;
    for (const std::string& name : List(path).directories) {
      // Of a submodule's git directory, what grows and what its status does not depend on.
      const bool skipped =
          watch.place != Place::kHeads && (name == "objects" || name == "logs" || name == "hooks" ||
                                           name == "tags" || name == "remotes");
      if (!skipped) open.push_back(absl::StrCat(path, "/", name));
    }
  }
}

void ChangeWatcher::WatchGitDir() {
  Walk walk;
  {
    base::MutexLock lock(&mu_);
    if (!inotify_.valid()) {
      problem_ = "the user has too many inotify instances (sysctl fs.inotify.max_user_instances)";
      return;
    }
    walk.pass = ++passes_;
  }
  const std::string& top = options_.common_dir;
  const bool found = AddWatch(top, {.place = Place::kCommonDir}, &walk);
  if (!found && walk.problem.empty()) walk.problem = "the git directory is missing";
  if (found) {
    AddWatch(top + "/info", {.place = Place::kInfo}, &walk);
    AddWatch(top + "/refs", {.place = Place::kRefs}, &walk);
    WatchTree(top + "/refs/heads", {.place = Place::kHeads}, &walk);
    if (AddWatch(top + "/worktrees", {.place = Place::kWorktrees}, &walk)) {
      for (const std::string& name : List(top + "/worktrees").directories) {
        AddWatch(absl::StrCat(top, "/worktrees/", name), {.place = Place::kWorktree, .owner = name},
                 &walk);
        WatchTree(absl::StrCat(top, "/worktrees/", name, "/modules"), {.place = Place::kModule},
                  &walk);
      }
    }
    WatchTree(top + "/modules", {.place = Place::kModule}, &walk);
  }
  DropWatches([&](const Watch& watch) { return !IsInWorktree(watch) && watch.pass < walk.pass; });
  base::MutexLock lock(&mu_);
  // What changed while nobody watched.
  if (!problem_.empty() || !walk.problem.empty()) pending_.references = true;
  problem_ = std::move(walk.problem);
}

// ---- files ----

void ChangeWatcher::WalkFiles(const FileScope& scope, Walk* walk) {
  std::vector<std::string> open = {""};  // relative, with a slash at the end unless empty
  while (!open.empty() && walk->problem.empty()) {
    const std::string path = std::move(open.back());
    open.pop_back();
    const std::string directory = path.empty() ? scope.top : absl::StrCat(scope.top, "/", path);
    if (!AddWatch(directory, {.place = Place::kFiles, .owner = scope.top, .path = path}, walk))
      continue;
    const Listing listing = List(directory);
    if (listing.has_git && !path.empty()) {
      // To git a repository inside is one entry, unless it is a submodule.
      if (!scope.into_repositories) continue;
      WatchTree(directory + ".git", {.place = Place::kNested, .owner = scope.top}, walk);
    }
    for (const std::string& name : listing.directories) {
      const std::string child = path + name;
      if (scope.ignored.contains(child)) continue;
      if (scope.others.count(absl::StrCat(scope.top, "/", child)) != 0) continue;
      open.push_back(child + "/");
    }
  }
}

std::string ChangeWatcher::WatchFiles(const FileScope& scope) {
  Walk walk;
  {
    base::MutexLock lock(&mu_);
    if (!inotify_.valid()) return problem_;
    walk.pass = ++passes_;
    walk.max_file_watches = options_.max_watches;
    ignored_[scope.top] = scope.ignored;
  }
  WalkFiles(scope, &walk);
  const bool watched = walk.problem.empty();
  DropWatches([&](const Watch& watch) {
    return IsInWorktree(watch) && watch.owner == scope.top && (!watched || watch.pass < walk.pass);
  });
  return walk.problem;
}

void ChangeWatcher::UnwatchFiles(const std::string& top) {
  DropWatches([&](const Watch& watch) { return IsInWorktree(watch) && watch.owner == top; });
  base::MutexLock lock(&mu_);
  ignored_.erase(top);
}

}  // namespace coordhub::git
