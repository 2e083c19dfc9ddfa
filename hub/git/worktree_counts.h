// The counts of changed files of all worktrees, each as fresh as it need be. Private to this
// folder.

#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "hub/git/change_watcher.h"
#include "hub/git/observer.h"
#include "hub/git/worktrees.h"

namespace coordhub::git {

// Counts a worktree anew when something in it changed, and paces itself: each worktree is busy for
// at most a tenth of the time, all together for a third. Not thread-safe; the observing thread.
class WorktreeCounts {
 public:
  struct Entry {
    FoundWorktree found;
    // The commit that HEAD leads to: what the index is compared with.
    std::string commit;

    // The last count that succeeded; nullopt: none yet.
    std::optional<int64_t> count;
    absl::Time count_time;
    // Why the last attempt failed; empty: it did not.
    std::string count_problem;
    // Why its files are not watched; empty: they are.
    std::string watch_problem;

   private:
    friend class WorktreeCounts;
    FileChange dirty = FileChange::kRestructured;
    base::MonoTime dirty_since;
    base::MonoTime counted_at = base::MonoTime::InfinitePast();
    base::MonoTime walked_at = base::MonoTime::InfinitePast();
    absl::Duration took;
    // The index changed: what is tracked inside of ignored directories may be other files now.
    bool index_changed = false;
  };

  // `watcher` is not owned.
  WorktreeCounts(const ObserverOptions& options, ChangeWatcher* watcher)
      : options_(options), clock_(*options.clock), watcher_(*watcher) {}

  // What there is now; the others are forgotten. `commits`: for each, its HEAD.
  void SetWorktrees(std::vector<FoundWorktree> worktrees, std::vector<std::string> commits);
  void Note(const Changes& changes);
  // Counts what is due. What must wait for its pace makes the watcher call back. Blocks.
  void CountDue();

  // By their top directories.
  const std::map<std::string, Entry>& entries() const { return entries_; }

 private:
  void MarkDirty(Entry* entry, FileChange change) const;
  base::MonoTime DueTime(const Entry& entry) const;
  void Count(Entry* entry);
  void WatchFiles(Entry* entry);

  const ObserverOptions& options_;
  const base::Clock& clock_;
  ChangeWatcher& watcher_;
  std::map<std::string, Entry> entries_;
  // When the next count may begin, whichever worktree's.
  base::MonoTime free_at_ = base::MonoTime::InfinitePast();
};

}  // namespace coordhub::git
