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

  // A directory whose existence is observed, too, for those who may not block. Empty: none.
  std::string shared_state;

  // Something changed: worth an Observe(). Called on the watcher's thread, coalesced (the first
  // change at once, what follows within `coalesce` together); must not block. Null: nobody asks,
  // but files are watched all the same, so that Observe() knows what to look at.
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
  // For paces and times; not owned. Required.
  base::Clock* clock = nullptr;
};

// One repository under observation. Costs are in proportion to what changed: heads that did not
// move keep their facts, worktrees whose files did not change keep their counts. Owns a thread that
// listens to the kernel's notifications. Ends it with its destructor, after which `on_change` is
// not called any more.
class Observer {
 public:
  // `common_dir` as base::LocateRepository gives it. Starts to watch; blocks.
  // Errors: WORKSPACE_NOT_FOUND (path): not a repository, or of a kind that cannot be read (as
  // reftable or SHA-256); the message says which.
  static absl::StatusOr<std::unique_ptr<Observer>> Open(const std::string& common_dir,
                                                        ObserverOptions options);
  virtual ~Observer() = default;

  // Looks at what changed. Blocks on the file system and on git. Any thread: one looks at a time,
  // and who comes meanwhile waits for a look that began after it came. Errors: NOT_OBSERVED (path):
  // the repository cannot be read now (it was moved away, or changed faster than it could be read);
  // the message says why. latest() stays as it was.
  virtual absl::StatusOr<ObservationPtr> Observe() = 0;

  // The newest observation; null before the first. Never blocks. Any thread.
  virtual ObservationPtr latest() const = 0;
};

}  // namespace coordhub::git
