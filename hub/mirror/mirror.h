// shared_state/ as a projection of a workspace: what is written when, and what happens when it
// cannot be.

#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/base/mutex.h"
#include "coordhub/v1/agent.pb.h"
#include "hub/core/records.h"
#include "hub/mirror/shared_state_dir.h"

namespace coordhub::mirror {

struct MirrorOptions {
  // Absolute path of shared_state/. Made when missing; its parent must exist.
  std::string directory;
  absl::TimeZone zone = absl::UTCTimeZone();
  // At most one round of writing in this time, ...
  absl::Duration min_interval = absl::Milliseconds(100);
  // ... and at most this share of all time is spent on it, but for files so large that a round a
  // minute is more.
  double max_duty = 0.1;
  absl::Duration max_interval = absl::Minutes(1);
  // status.md is written this often even if nothing changed, and foreign changes of the files are
  // looked for.
  absl::Duration status_interval = absl::Seconds(15);
  // After a failure.
  absl::Duration retry_interval = absl::Seconds(1);

  // Where the content comes from; called from Step. Required.
  std::function<std::shared_ptr<const core::View>()> view;
  // Adds to an agent's record what responses show: state SUSPECT, last_seen_time, claimed tickets.
  std::function<void(const core::View&, v1::Agent*)> decorate_agent;
  // The main worktree's branch; may block.
  std::function<std::string()> current_branch;
  // Background processes that work.
  std::function<int()> active_processes;
  // Told after each round that ended well: the files show this revision.
  std::function<void(int64_t)> on_mirrored;
};

// Keeps shared_state/ as the newest view says. A stepped object without a thread: one thread at a
// time calls Step and Finish (MirrorRunner in production, a test by hand); problem() is for any
// thread.
//
// Whatever goes wrong with the directory is logged once when it begins and once when it is over,
// shows in problem(), and is retried; the hub goes on.
class Mirror {
 public:
  // `clock` is not owned.
  Mirror(MirrorOptions options, base::Clock* clock);

  // Writes what is due, if anything may be written yet. Returns when to step again at the latest;
  // after a change of the view, step at earliest() already. Blocks on the file system.
  base::MonoTime Step();

  // Not before this may Step write.
  base::MonoTime earliest() const { return earliest_; }

  // What the files show; 0 before the first round that ended well.
  int64_t written_revision() const { return std::max<int64_t>(written_revision_, 0); }

  // The last round, when the hub ends: at once, and says that nothing is active any more.
  void Finish();

  // What is wrong with the directory; empty: nothing.
  std::string problem() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  absl::Status WriteRound(const core::View& view, absl::Time now, int active_processes);
  absl::Status WriteTickets(SharedStateDir* directory, const core::View& view);
  absl::Status KeepForeignLines(SharedStateDir* directory);
  std::string StatusText(const core::View& view, absl::Time now, int active_processes) const;
  void SetProblem(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mu_);

  const MirrorOptions options_;
  base::Clock* const clock_;

  // Of the last round that ended well.
  int64_t written_revision_ = -1;
  std::string tickets_digest_;
  FileStamp tickets_stamp_;
  bool leftovers_removed_ = false;
  base::MonoTime earliest_ = base::MonoTime::InfinitePast();
  base::MonoTime status_due_ = base::MonoTime::InfinitePast();

  mutable base::Mutex mu_;
  std::string problem_ ABSL_GUARDED_BY(mu_);
};

}  // namespace coordhub::mirror
