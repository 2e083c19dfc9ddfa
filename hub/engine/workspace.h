#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "coordhub/v1/agent_service.pb.h"
#include "coordhub/v1/hub.pb.h"
#include "coordhub/v1/ticket_service.pb.h"
#include "hub/core/command.h"
#include "hub/core/state.h"
#include "hub/engine/archiving.h"
#include "hub/engine/broadcaster.h"
#include "hub/engine/text_store.h"
#include "hub/journal/journal.h"

namespace coordhub::engine {

using ViewPtr = std::shared_ptr<const core::View>;

// How a mutation ended well. Made at a durable revision.
struct Outcome {
  // The commit's events; for a repeated request those of the first commit. Empty: nothing changed.
  std::vector<std::shared_ptr<const v1::Event>> events;
  // The commit's last revision, or the revision of the view that was decided on.
  int64_t revision = 0;
  // ClaimNextTicket found nothing (in time).
  std::optional<v1::NoWork> no_work;
  // RegisterAgent resumed a live session.
  bool resumed = false;
  // The durable view right after the batch. Null: an answer from an earlier commit, or a refusal's.
  ViewPtr view;
};

// Called once, on the sequencer's or the background thread; must not block.
using Done = std::function<void(absl::StatusOr<Outcome>)>;
using ViewDone = std::function<void(absl::StatusOr<ViewPtr>)>;

struct WorkspaceOptions {
  std::string workspace_id;
  std::string version;
  // Commands that may wait for the sequencer; more are refused with OVERLOADED.
  size_t queue_capacity = 16384;
  // Of their requests, in bytes.
  size_t queue_bytes = 64u << 20;
  // Commands of one batch.
  size_t max_batch = 1024;
  // Waiting calls; more are refused with OVERLOADED.
  size_t waiters_capacity = 4096;
  // Events between snapshots at the least; three for each record of the last one, where that is
  // more.
  int64_t snapshot_every = 50000;
  // Events kept at the least; automatic compaction drops older ones once as many more are kept, and
  // as many more as there are records. 0: never compacts by itself.
  int64_t retained_events = 1'000'000;
  // Memory of the broadcaster's ring. Who is further behind reads the journal.
  size_t ring_bytes = 16u << 20;
  size_t ring_events = 16384;
  // The `claim_timeout` of claims that state none; unset: they live as long as their session.
  std::optional<absl::Duration> claim_timeout_default;
  // Text that the workspace may have in its store, bytes; beyond it, what would add some is refused
  // with QUOTA. 0: as much as it likes.
  int64_t text_quota = int64_t{4} << 30;
  // When finished tickets leave the state.
  Archiving::Rules archiving;
  // No lease runs out before BeginLeases: while there is no server yet, nobody could renew one.
  bool hold_leases = false;
  // Called when the journal failed: must end the process (tests record it). Nothing is acknowledged
  // after it.
  std::function<void(const absl::Status&)> on_fatal;
};

// Identifies a submitted call, for Cancel.
using CallId = uint64_t;

// A workspace that runs: its state, its one writer (the sequencer), sessions' deadlines, waiting
// calls, broadcaster, background work. Any thread may call any method; none blocks on I/O except
// where said. Owns its threads; Stop (or the destructor) ends them.
class Workspace {
 public:
  // Loads the newest snapshot, replays, gives every lease its full time, ends restored sessions,
  // and starts. Blocks. Errors: those of the journal; JOURNAL_DAMAGED for an unknown kind of event.
  static absl::StatusOr<std::unique_ptr<Workspace>> Open(WorkspaceOptions options,
                                                         std::unique_ptr<journal::Journal> journal,
                                                         base::Clock* clock, base::IdSource* ids);
  virtual ~Workspace() = default;

  // With `hold_leases`: agents can reach the hub from now on, so every lease gets its full time
  // and runs. Once.
  virtual void BeginLeases() = 0;

  virtual const std::string& workspace_id() const = 0;
  virtual journal::Identity identity() const = 0;

  // Queues a command. `done` gets the outcome after the commit of its batch, refusals too. A
  // ClaimNextTicketRequest with `wait` waits for work in FIFO order, until its wait is over (OK
  // with no_work), Cancel, Drain, or the end of its session. `deadline`: not begun after it. Errors
  // before queueing (also through `done`): OVERLOADED, HUB_DRAINING, DISK_FULL.
  virtual CallId Submit(std::unique_ptr<core::Command> command, base::MonoTime deadline,
                        Done done) = 0;
  // The caller went away: a call that still waits ends with CALLER_GONE and has no effect;
  // otherwise nothing happens.
  virtual void Cancel(CallId call) = 0;

  // The newest durable view. Never blocks.
  virtual ViewPtr view() const = 0;
  // Calls `done` with the first view at or after `min_revision` (at once when it is there);
  // REVISION_NOT_REACHED at `deadline` (at most 10 s ahead is kept).
  virtual void AwaitRevision(int64_t min_revision, base::MonoTime deadline, ViewDone done) = 0;

  // Calls `done` with the first view that shows a change of any round after `after_revision`; at
  // once when it is there already. Errors: REVISION_NOT_REACHED at `deadline` (at most 10 s ahead
  // is kept: whoever still wants to know asks again), HUB_DRAINING.
  virtual void AwaitRoundChange(int64_t after_revision, base::MonoTime deadline, ViewDone done) = 0;

  // Traffic of a session: renews it. Errors: SESSION_ENDED (also when its time has run out and the
  // hub has not written that down yet).
  virtual absl::Status TouchSession(std::string_view session_uid) = 0;
  // The agent of a live session; empty when none.
  virtual std::string AgentOfSession(std::string_view session_uid) const = 0;

  // Volatile mutations; they check holder and fence against the newest view.
  // Errors: SESSION_ENDED, TICKET_NOT_FOUND, CLAIM_SUPERSEDED, INVALID_FIELD fence. RenewClaim
  // returns the time left (infinite: the claim has no timeout).
  virtual absl::StatusOr<absl::Duration> RenewClaim(std::string_view session_uid,
                                                    const v1::RenewClaimRequest& request) = 0;
  virtual absl::Status UpdateProgress(std::string_view session_uid,
                                      const v1::UpdateProgressRequest& request) = 0;

  // Fills in what records do not hold: SUSPECT, last_seen_time, expire_time, claims; progress,
  // blocked_by.
  virtual void Decorate(const core::View& view, v1::Agent* agent) const = 0;
  virtual void Decorate(const core::View& view, v1::Ticket* ticket) const = 0;
  // The claims that an agent holds at a view.
  virtual std::vector<v1::HeldClaim> ClaimsOf(const core::View& view,
                                              std::string_view agent_id) const = 0;
  // Time left of an agent's live session; nullopt: none.
  virtual std::optional<absl::Duration> SessionTimeLeft(std::string_view agent_id) const = 0;

  virtual Broadcaster& broadcaster() = 0;
  // Texts and archived tickets.
  virtual TextStore& texts() = 0;

  // The last revision that is no longer kept as an event.
  virtual int64_t compact_revision() const = 0;
  // Log positions, counts, refusal of writes (without digest). Looks at files.
  virtual v1::Workspace Describe() const = 0;
  // Told by the mirror.
  virtual void SetMirroredRevision(int64_t revision) = 0;
  // Told by whoever observes git, once what was observed is durable.
  virtual void SetObservedRevision(int64_t revision) = 0;

  // Run on the background thread, one after the other; `done` there.
  struct VerifyResult {
    int64_t revision = 0;
    int64_t checked_events = 0;
    std::string digest;
    absl::Duration elapsed;
  };
  // `keep_going` may be null; said no, the work ends with HUB_DRAINING and leaves nothing behind.
  virtual void Verify(journal::KeepGoing keep_going,
                      std::function<void(absl::StatusOr<VerifyResult>)> done) = 0;
  void Verify(std::function<void(absl::StatusOr<VerifyResult>)> done) {
    Verify(nullptr, std::move(done));
  }
  // Writes a snapshot and drops events up to `revision` (0: all but the retained ones). Returns
  // events dropped.
  virtual void Compact(int64_t revision, std::function<void(absl::StatusOr<int64_t>)> done) = 0;
  struct BackupResult {
    journal::BackupInfo info;
    std::string digest;
  };
  virtual void Backup(std::string directory, journal::KeepGoing keep_going,
                      std::function<void(absl::StatusOr<BackupResult>)> done) = 0;
  void Backup(std::string directory, std::function<void(absl::StatusOr<BackupResult>)> done) {
    Backup(std::move(directory), nullptr, std::move(done));
  }
  // Computes the digest of a view in the background. Errors: OVERLOADED, HUB_DRAINING.
  virtual void ComputeDigest(ViewPtr view,
                             std::function<void(absl::StatusOr<std::string>)> done) = 0;
  // Reads past events in the background: as JournalReader::Read, decoded to frames.
  virtual void ReadEvents(int64_t after, size_t max_events, size_t max_bytes,
                          std::function<void(absl::StatusOr<std::vector<EncodedEvent>>)> done) = 0;

  // Asks the journal whether it still is where it was (Journal::CheckHeld), behind the batch under
  // way; if not, on_fatal is called. Nothing is waited for.
  virtual void CheckHeld() = 0;

  // Refuses mutations and ends waits with HUB_DRAINING; what is queued is still answered, and how
  // long work ended (EndOperation, ConcludeRound) is still written down. Leases
  // stand still: whoever holds one cannot renew it any more, and finds it after the next start.
  // Idempotent.
  virtual void Drain() = 0;
  virtual bool draining() const = 0;
  // Called once when Drain begins, on any thread (for streams to say goodbye).
  virtual void OnDrain(std::function<void()> callback) = 0;
  // After Drain: finishes the queue, writes a snapshot if worth it, checkpoints, ends the threads.
  // Blocks.
  virtual void Stop() = 0;
};

}  // namespace coordhub::engine
