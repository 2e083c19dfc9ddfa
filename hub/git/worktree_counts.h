// The counts of changed files of all worktrees, each as fresh as it need be. Private to this
// folder.

#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/base/mutex.h"
#include "hub/git/change_watcher.h"
#include "hub/git/git_command.h"
#include "hub/git/observer.h"
#include "hub/git/worktrees.h"

namespace coordhub::git {

// Counts a worktree anew when something in it changed, and paces itself: each worktree is busy for
// at most a tenth of the time, all together for a third. A thread of its own counts, so that git
// which takes its time, or hangs, keeps nobody from seeing branches. Any thread; nothing blocks but
// AwaitDue. Ends the git that runs with its destructor.
class WorktreeCounts {
 public:
  // What is known of one.
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
    // shared_state/ lies in it and is tracked; asked when the files are looked through.
    bool tracks_shared_state = false;

   private:
    friend class WorktreeCounts;
    FileChange dirty_ = FileChange::kRestructured;
    base::MonoTime dirty_since_;
    base::MonoTime counted_at_ = base::MonoTime::InfinitePast();
    base::MonoTime walked_at_ = base::MonoTime::InfinitePast();
    absl::Duration took_;
    // The index changed: what is tracked inside of ignored directories may be other files now.
    bool index_changed_ = false;
  };

  // Neither is owned.
  WorktreeCounts(const ObserverOptions& options, ChangeWatcher* watcher, const GitCancel* cancel);
  ~WorktreeCounts();
  WorktreeCounts(const WorktreeCounts&) = delete;
  WorktreeCounts& operator=(const WorktreeCounts&) = delete;

  // What there is now; the others are forgotten. `commits`: for each, its HEAD.
  void SetWorktrees(std::vector<FoundWorktree> worktrees, std::vector<std::string> commits)
      ABSL_LOCKS_EXCLUDED(mu_);
  void Note(const Changes& changes) ABSL_LOCKS_EXCLUDED(mu_);

  // Waits until nothing that is due is left to count, at most `patience`. A count that is new rings
  // at the watcher anyway.
  void AwaitDue(absl::Duration patience) ABSL_LOCKS_EXCLUDED(mu_);
  // Lets nobody wait any longer; counts no more.
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);

  // By their top directories.
  std::map<std::string, Entry> entries() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  // One count: what it needs to know, and what came of it.
  struct Job {
    WorktreePlace place;
    // Directories are looked through, too.
    bool walks = false;
    std::set<std::string> others;

    base::MonoTime begin;
    absl::Time time;
    std::string watch_problem;
    absl::StatusOr<bool> tracks_shared_state = false;
    absl::StatusOr<int64_t> count = 0;
  };

  void Run();
  // Waits for a worktree that is due. Nullopt: the end.
  std::optional<Job> BeginJob() ABSL_LOCKS_EXCLUDED(mu_);
  void Work(Job* job) const;
  void WatchFiles(Job* job) const;
  void EndJob(const Job& job) ABSL_LOCKS_EXCLUDED(mu_);

  // Who waits longest comes first, so that a busy worktree starves no other. Null: none is due.
  Entry* FindDue() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  base::MonoTime DueTime(const Entry& entry) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void MarkDirty(Entry* entry, FileChange change) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const ObserverOptions& options_;
  const base::Clock& clock_;
  ChangeWatcher& watcher_;
  const GitCancel& cancel_;

  mutable base::Mutex mu_;
  base::CondVar changed_;  // for the thread
  base::CondVar counted_;  // for those who wait
  std::map<std::string, Entry> entries_ ABSL_GUARDED_BY(mu_);
  // When the next count may begin, whichever worktree's.
  base::MonoTime free_at_ ABSL_GUARDED_BY(mu_) = base::MonoTime::InfinitePast();
  bool working_ ABSL_GUARDED_BY(mu_) = false;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace coordhub::git
