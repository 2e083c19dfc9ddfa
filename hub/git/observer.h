// Looks at a repository: its branches, worktrees and changed files.

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "hub/git/observation.h"

namespace coordhub::git {

struct ObserverOptions {
  // Globs over short names (`*` matches `/` as well). The branches that are observed.
  std::vector<std::string> branch_patterns = {"conversation-*", "task-*"};
  // More branches to observe, whatever their names: those that live agents registered. Called once
  // in each observation, on its thread. Null: none.
  std::function<std::vector<std::string>()> agent_branches;
  // The branch that others are measured against. Empty: what origin/HEAD names if it exists here,
  // else `main`, else `master`, else none.
  std::string target;

  // A directory whose existence is observed, too, for those who may not block, and whether git
  // tracks it, which it must not. Empty: none.
  std::string shared_state;
  // Worktrees below this directory are the hub's own, and not observed. Empty: there are none.
  std::string hub_worktrees;
  // The top of the main worktree, if the repository was found by it; as Repository::Open has it.
  std::string found_in;

  // Something changed: worth a look. Called on the watcher's thread, `coalesce` after a first
  // change for all that changed until then, and at once for a new count of changed files; must not
  // block. Null: nobody asks, but files are watched all the same, so that a look knows what to look
  // at.
  std::function<void()> on_change;
  absl::Duration coalesce = absl::Milliseconds(200);

  // Without notification (limits of the kernel, a network file system) changed files are counted
  // anew when the last count is this old; with it, too, but for what the kernel does not tell
  // (global excludes, writes through a mapping).
  absl::Duration unwatched_count_interval = absl::Seconds(60);
  absl::Duration watched_count_interval = absl::Hours(1);
  // Directories that are watched in all worktrees together, each about 1 KiB of kernel memory.
  size_t max_watches = 65536;
  // How long git may take to count the changed files of a worktree; then it is ended.
  absl::Duration count_timeout = absl::Seconds(60);
  // How long Observe() waits for counts, and anyone for somebody else's look.
  absl::Duration patience = absl::Seconds(10);
  // For paces and times; not owned. Required.
  base::Clock* clock = nullptr;
};

// One repository under observation. Costs are in proportion to what changed: heads that did not
// move keep their facts, worktrees whose files did not change keep their counts. Owns two threads:
// one listens to the kernel's notifications, one lets git count. Ends both with its destructor,
// after which `on_change` is not called any more.
class Observer {
 public:
  // `common_dir` as base::LocateRepository gives it. Starts to watch; blocks.
  // Errors: WORKSPACE_NOT_FOUND (path): not a repository, or of a kind that cannot be read (as
  // reftable or SHA-256); the message says which.
  static absl::StatusOr<std::unique_ptr<Observer>> Open(const std::string& common_dir,
                                                        ObserverOptions options);
  virtual ~Observer() = default;

  // Looks at branches, HEADs and worktrees; of changed files, what is counted so far: what is due
  // is counted meanwhile, and on_change tells of it. Blocks on the file system. Any thread: one
  // looks at a time, and who comes meanwhile waits for a look that began after it came; but when
  // that takes longer than `patience`, for the newest observation instead. Errors: NOT_OBSERVED
  // (path): the repository cannot be read now (it was moved away, or changed faster than it could
  // be read); the message says why. latest() stays as it was.
  virtual absl::StatusOr<ObservationPtr> ObserveHeads() = 0;
  // The same, and waits for the counts that are due, for `patience` at most.
  virtual absl::StatusOr<ObservationPtr> Observe() = 0;

  // The newest observation; null before the first. Never blocks. Any thread.
  virtual ObservationPtr latest() const = 0;

  // Ends git where it runs, and lets nobody wait any longer, now and from now on. Any thread.
  virtual void Stop() {}
};

}  // namespace coordhub::git
