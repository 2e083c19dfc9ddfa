// Compares the branches that were observed, a slice of time after the other.

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/base/mutex.h"
#include "hub/core/conflict_changes.h"
#include "hub/core/records.h"
#include "hub/git/observation.h"
#include "hub/git/radar.h"

namespace coordhub::loops {

// How long a branch counts as open whose head does not move and whom nobody works on.
inline constexpr absl::Duration kOpenBranchAge = absl::Hours(7 * 24);

// The branches of `seen` to be compared with each other: those that a live agent works on, that
// moved within kOpenBranchAge, that are in an active round or its target; and the target of all.
// `view` has the observation. By name.
std::vector<git::RadarHead> HeadsToCompare(const core::View& view, const git::Observation& seen,
                                           absl::Time now);

struct RadarStepOptions {
  // The repository.
  std::string common_dir;
  std::function<std::shared_ptr<const core::View>()> view;
  // Brings what was found into the log; blocks until that is durable.
  std::function<absl::Status(const core::ComparedBranches& found)> record;
  // Called between pairs: a burst of many milliseconds would be waited for by the threads that
  // answer calls. Null: not.
  std::function<void()> rest;
  // Not owned.
  base::Clock* clock = nullptr;
  // How long one step compares, when there is much to compare; the loop stays able to look.
  absl::Duration slice = absl::Seconds(1);
};

// What a verdict says of the two branches: paths (some of them), kinds, or why nobody can tell.
void FillVerdict(const git::MergeVerdict& verdict, v1::Conflict* conflict);

// The conflict radar of one workspace. Used by one thread, but for Stop.
class RadarStep {
 public:
  explicit RadarStep(RadarStepOptions options);
  ~RadarStep();

  // Ends what is under way, which is for the next hub, and makes every later step end at once. Any
  // thread.
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);

  // Compares what of `seen`, which is in the log, was not compared yet, for a slice of time, and
  // brings what came of it into the log; true: there is more. Blocks.
  // Errors: those of git::Merger::Open and of `record`.
  absl::StatusOr<bool> Step(const git::Observation& seen) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  // Opens the repository when first asked.
  absl::StatusOr<git::Radar*> FindRadar() ABSL_LOCKS_EXCLUDED(mu_);
  bool IsStopped() ABSL_LOCKS_EXCLUDED(mu_);

  const RadarStepOptions options_;

  base::Mutex mu_;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
  // Null until the repository could be opened; never another one, and used by the one thread.
  std::unique_ptr<git::Radar> radar_ ABSL_GUARDED_BY(mu_);
};

}  // namespace coordhub::loops
