// shared_state/ as a projection of a workspace: what is written when, and what happens when it
// cannot be.

#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/base/mutex.h"
#include "coordhub/v1/agent.pb.h"
#include "coordhub/v1/convergence.pb.h"
#include "coordhub/v1/hub.pb.h"
#include "coordhub/v1/repository.pb.h"
#include "hub/core/records.h"
#include "hub/mirror/importer.h"
#include "hub/mirror/shared_state_dir.h"
#include "hub/mirror/tickets_file.h"

namespace coordhub::mirror {

struct MirrorOptions {
  // Absolute path of shared_state/. Made when missing; its parent must exist.
  std::string directory;
  absl::TimeZone zone = absl::UTCTimeZone();
  // At most one round of writing in this time, ...
  absl::Duration min_interval = absl::Milliseconds(100);
  // ... and at most this share of a processor is spent on it in the long run, and this share of all
  // time, in which the disk is busy with it; but for files so large that a round a minute is more.
  // Processor time that was not used is saved up, so that now and then a change is shown at once
  // however large the files are.
  double max_processor_share = 0.025;
  absl::Duration max_processor_saved = absl::Milliseconds(50);
  double max_time_share = 0.5;
  absl::Duration max_interval = absl::Minutes(1);
  // status.md is written this often even if nothing changed.
  absl::Duration status_interval = absl::Seconds(15);
  // Changes that others made, and files that they dropped, are looked for this often, and where
  // somebody tells of them (SetWatch) at most so often, and so often at least.
  absl::Duration look_interval = absl::Seconds(1);
  absl::Duration told_look_interval = absl::Seconds(15);

  // Where the content comes from; called from Step. Required.
  std::function<std::shared_ptr<const core::View>()> view;
  // Adds to an agent's record what responses show: state SUSPECT, last_seen_time, claimed tickets.
  std::function<void(const core::View&, v1::Agent*)> decorate_agent;
  // The main worktree's branch; may block.
  std::function<std::string()> current_branch;
  // The hub's loops; those that run are status.md's active processes. Null: none.
  std::function<std::vector<v1::Loop>()> loops;
  // The rounds that are recorded, and the conflicts that are open. Null: none.
  std::function<std::vector<v1::Round>(const core::View&)> rounds;
  std::function<std::vector<v1::Conflict>(const core::View&)> conflicts;
  // Told after each round that ended well: the files show this revision.
  std::function<void(int64_t)> on_mirrored;

  // How lines that others wrote become tickets: queues the command for the writer. Required. Step
  // waits for the answer, import_patience at most, so it must come without the caller of Step.
  SubmitImport submit;
  absl::Duration import_patience = absl::Seconds(10);
  // The log that the view is of: files that a hub on another log retired are told apart.
  std::string log_id;
  // Processor time of the calling thread. Null: as the kernel has it.
  std::function<absl::Duration()> processor_time;
  // Called every few tenths of a millisecond while a round computes: a burst of many milliseconds
  // would be waited for by the threads that answer calls. Null: not.
  std::function<void()> rest;
  // For the generations of files. Not owned. Required.
  base::IdSource* ids = nullptr;

  // For tests: what the file system is taken to be able to do, and a hook before each change.
  RetireBy retire_by = RetireBy::kExchange;
  bool leases = true;
  StepHook hook;
};

// Keeps shared_state/ as the newest view says, and makes tickets of what others write there. A
// stepped object without a thread: one thread at a time calls Step and Finish (the comms
// loop in production, a test by hand); problem() is for any thread.
//
// Whatever goes wrong with the directory is logged once when it begins and once when it is over,
// shows in problem(), and is retried; the hub goes on.
class Mirror {
 public:
  // `clock` is not owned.
  Mirror(MirrorOptions options, base::Clock* clock);

  // Writes and imports what is due, if anything may be written yet. Returns when to step again at
  // the latest; after a change of the view, step at earliest() already. Blocks on the file system
  // and on the writer of the log.
  base::MonoTime Step();

  // See Importer: whoever watches the directory keeps it from being looked through all the time.
  void SetWatch(std::function<bool()> watch) { importer_.SetWatch(std::move(watch)); }
  void LookSoon() { importer_.LookSoon(); }
  const std::string& directory() const { return options_.directory; }

  // The next Step that may write also writes status.md, whether it is due or not.
  void RefreshStatus() { status_due_ = base::MonoTime::InfinitePast(); }

  // Not before this may Step write.
  base::MonoTime earliest() const { return earliest_; }

  // What the files show; 0 before the first round that ended well.
  int64_t written_revision() const { return std::max<int64_t>(written_revision_, 0); }

  // The last round, when the hub ends: at once, and says that nothing is active any more. Imports
  // nothing: the next start does.
  void Finish();

  // What is wrong with the directory; empty: nothing.
  std::string problem() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  absl::StatusOr<SharedStateDir> OpenDirectory();
  absl::Status WriteTickets(SharedStateDir* directory, const core::View& view);
  // status.md and convergence.md. `last`: the hub ends.
  absl::Status WriteOthers(SharedStateDir* directory, const core::View& view, bool last);
  absl::Status WriteConvergence(SharedStateDir* directory, const std::vector<v1::Round>& rounds);
  // What stands in the place of convergence.md and is not the hub's goes to .rejected/.
  absl::Status KeepForeignConvergence(SharedStateDir* directory);
  std::string StatusText(const core::View& view, const std::vector<v1::Round>& rounds,
                         bool last) const;
  // Tickets and what is read of others; with `whole` the other files, too.
  absl::Status Round(const core::View& view, bool whole);
  void Written(const core::View& view);
  absl::Duration ProcessorTime() const;
  // How long to rest after a round that began and ended then and computed for so long.
  absl::Duration Rest(base::MonoTime begin, base::MonoTime end, absl::Duration computed);
  void SetProblem(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mu_);

  const MirrorOptions options_;
  base::Clock* const clock_;

  // Of the last round that ended well.
  int64_t written_revision_ = -1;
  TicketsText tickets_;
  FileStamp tickets_stamp_;
  RetireBy retire_by_;
  std::string convergence_;
  FileStamp convergence_stamp_;
  // Where the last foreign one is kept; empty: there was none.
  std::string convergence_kept_;
  Importer importer_;
  bool leftovers_removed_ = false;
  base::MonoTime earliest_ = base::MonoTime::InfinitePast();
  // Processor time that may be spent at once, as of then.
  absl::Duration saved_;
  base::MonoTime saved_at_;
  base::MonoTime status_due_ = base::MonoTime::InfinitePast();

  mutable base::Mutex mu_;
  std::string problem_ ABSL_GUARDED_BY(mu_);
};

}  // namespace coordhub::mirror
