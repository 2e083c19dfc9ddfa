// Notices work that reached the target by other ways than a round: a person's merge, a pull
// request, a rebase, a squash.

#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/base/mutex.h"
#include "hub/core/command.h"
#include "hub/core/records.h"
#include "hub/git/merger.h"
#include "hub/git/observation.h"

namespace coordhub::loops {

struct LandedWorkOptions {
  // The repository.
  std::string common_dir;
  std::function<std::shared_ptr<const core::View>()> view;
  // Brings what landed into the log; blocks until that is durable.
  std::function<absl::Status(core::MarkIntegrated landed)> record;
};

// Used by one thread, but for Stop. A ticket's work is the commit that it was completed with: it is
// on the target when merging it into the target's head would change nothing there: it is an
// ancestor, or all that it brings came by other commits. Of tickets without one only rounds know.
class LandedWork {
 public:
  // Of finished tickets whose work did not land yet the newest so many are looked at.
  static constexpr int kTickets = 1000;
  // Merges that one step tries.
  static constexpr int kTrials = 50;

  explicit LandedWork(LandedWorkOptions options) : options_(std::move(options)) {}

  // Looks at what is open by the target's head in `seen`, if either is news; true: there is more.
  // Errors: those of git::Merger::Open and of `record`.
  absl::StatusOr<bool> Step(const git::Observation& seen) ABSL_LOCKS_EXCLUDED(mu_);

  // Ends git where it runs; a step then returns soon. Any thread.
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  // Numbers of tickets and the commits of their work, hex.
  using Open = std::vector<std::pair<int64_t, std::string>>;

  static Open OpenWork(const core::View& view);
  absl::StatusOr<git::Merger*> FindMerger() ABSL_LOCKS_EXCLUDED(mu_);
  // Of `commits`, those whose work is on the target, which has `tree`.
  std::set<std::string> Landed(git::Merger* merger, const std::string& tree,
                               const std::set<std::string>& commits);

  const LandedWorkOptions options_;

  // The last look; commits that were found not to be there.
  std::string target_commit_;
  std::set<std::string> absent_;

  base::Mutex mu_;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
  // Null until the repository could be opened; never another one, and used by the one thread.
  std::unique_ptr<git::Merger> merger_ ABSL_GUARDED_BY(mu_);
};

}  // namespace coordhub::loops
