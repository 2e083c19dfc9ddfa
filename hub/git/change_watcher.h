// Learns from the kernel what of a repository changed. Private to this folder.

#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/base/mutex.h"
#include "agent/base/unique_fd.h"
#include "hub/git/inotify.h"

namespace coordhub::git {

// What happened to the files of a worktree, the worst of it.
enum class FileChange {
  kNone = 0,
  // Something was written into a file that is still open.
  kWritten = 1,
  // Files came, went or were changed.
  kChanged = 2,
  // Directories came or went, or what is ignored changed: what must be watched is another set now.
  kRestructured = 3,
};

// What changed since it was last asked for.
struct Changes {
  // Notifications were lost, or there are none: everything may have changed.
  bool everything = false;
  // Branches, HEADs, or which worktrees there are.
  bool references = false;
  // Of every worktree.
  FileChange all_files = FileChange::kNone;
  // By the name of the worktree; the main one's is empty. For HEAD and index.
  std::map<std::string, FileChange> by_name;
  // By the top directory of the worktree. For its files.
  std::map<std::string, FileChange> by_top;

  bool empty() const;
  void Merge(const Changes& other);
};

// Watches a git directory, and on request the files of worktrees. Its own thread reads the kernel's
// notifications, sorts them and calls back. A directory that goes and comes again is watched again.
// Any thread may call; none blocks but WatchFiles. Not called back any more once it is destroyed.
class ChangeWatcher {
 public:
  struct Options {
    // The git directory that all worktrees share.
    std::string common_dir;
    // On the watcher's thread; must not block. Null: nobody.
    std::function<void()> on_change;
    // `on_change` comes so long after a first change, for all that changed until then.
    absl::Duration coalesce;
    // Directories of worktrees, all together.
    size_t max_watches = 0;
  };

  explicit ChangeWatcher(Options options);
  ~ChangeWatcher();
  ChangeWatcher(const ChangeWatcher&) = delete;
  ChangeWatcher& operator=(const ChangeWatcher&) = delete;

  // Gives out what changed until now, told to the thread or not yet, and begins anew. Who takes it
  // keeps nothing from being told: `on_change` comes for it all the same.
  Changes Take();

  // Watches the directories of a worktree: all below `top` but .git, `ignored` (relative), `others`
  // (absolute: tops of other worktrees) and, unless `into_repositories` (there are submodules),
  // those with a repository of their own. Those that were watched and are not among them any more
  // are let go. What changes from here on is told; what changed before is the caller's to look at
  // afterwards. Blocks on the file system; one thread at a time.
  // Returns why it is not watched; empty: it is.
  struct FileScope {
    std::string top;
    absl::flat_hash_set<std::string> ignored;
    std::set<std::string> others;
    bool into_repositories = false;
  };
  std::string WatchFiles(const FileScope& scope);
  void UnwatchFiles(const std::string& top);

  // Calls back at once: something is new that the kernel does not tell.
  void Ring();

  // Why the git directory is not watched; empty: it is.
  std::string problem() const;
  // Directories of worktrees that are watched.
  size_t watch_count() const;

 private:
  enum class Place {
    kCommonDir,
    kRefs,
    kHeads,
    kWorktrees,
    kWorktree,
    kInfo,
    kModule,
    kFiles,
    kNested
  };
  // kModule: git directories of submodules under our own; kNested: those that lie in a worktree.
  struct Watch {
    Place place = Place::kFiles;
    // kWorktree: its name. kFiles, kNested: the top directory.
    std::string owner;
    // kFiles: relative to the top, with a slash at its end unless empty.
    std::string path;
    // Which pass over its kind saw it last.
    uint64_t pass = 0;
  };
  struct Walk;

  void Run();
  void AwaitWork();
  void ReadEvents();
  // There is something to tell of.
  void TellLater() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Sorts what has come.
  void SortEvents() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void CallBackIfDue();
  void Wake() const;

  // What an event means; adds to pending_. Returns whether the git directory must be walked again.
  bool Sort(const Inotify::Event& event) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool SortInCommonDir(const Inotify::Event& event) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void SortInWorktreeDir(const Watch& watch, const Inotify::Event& event)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void SortFile(const Watch& watch, const Inotify::Event& event) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // Watches all of the git directory that matters. Watcher's thread and constructor.
  void WatchGitDir();
  void WatchTree(const std::string& directory, const Watch& watch, Walk* walk);
  static bool IsInWorktree(const Watch& watch) {
    return watch.place == Place::kFiles || watch.place == Place::kNested;
  }
  // False: the directory is not there, or cannot be watched (told in `walk`).
  bool AddWatch(const std::string& directory, Watch watch, Walk* walk);
  void DropWatches(const std::function<bool(const Watch&)>& condition);
  void WalkFiles(const FileScope& scope, Walk* walk);

  const Options options_;
  const base::SystemClock clock_;
  const Inotify inotify_;
  const base::UniqueFd wake_;

  mutable base::Mutex mu_;
  absl::flat_hash_map<int, Watch> watches_ ABSL_GUARDED_BY(mu_);
  size_t file_watches_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t passes_ ABSL_GUARDED_BY(mu_) = 0;
  // By the top directory.
  absl::flat_hash_map<std::string, absl::flat_hash_set<std::string>> ignored_ ABSL_GUARDED_BY(mu_);
  Changes pending_ ABSL_GUARDED_BY(mu_);
  // The git directory has another shape now.
  bool walk_due_ ABSL_GUARDED_BY(mu_) = false;
  std::string problem_ ABSL_GUARDED_BY(mu_);
  // When to call back; infinite: not.
  base::MonoTime due_ ABSL_GUARDED_BY(mu_) = base::MonoTime::InfiniteFuture();
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;

  std::thread thread_;
};

}  // namespace coordhub::git
