#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "agent/base/clock.h"
#include "hub/core/decide.h"
#include "hub/core/state.h"
#include "hub/engine/archiving.h"
#include "hub/engine/broadcaster.h"
#include "hub/engine/call.h"
#include "hub/engine/lease_book.h"
#include "hub/engine/lease_clock.h"
#include "hub/engine/lease_table.h"
#include "hub/engine/request_windows.h"
#include "hub/engine/wait_list.h"
#include "hub/journal/journal.h"

namespace coordhub::engine {

// What the writer tells the rest of the workspace. All calls come on the writer's thread and must
// not block.
class WriterObserver {
 public:
  virtual ~WriterObserver() = default;
  // A batch is durable. Before reads see it and answers follow.
  virtual void OnDurable(const std::vector<EncodedEvent>& /*events*/) {}
  // A batch is durable. Reads may see `view` from now on; answers follow.
  virtual void OnView(std::shared_ptr<const core::View> view) = 0;
  // After the answers: for the fan-out.
  virtual void OnCommitted(const std::vector<EncodedEvent>& events) = 0;
  // Writes are refused for now (a reason) or again accepted (empty).
  virtual void OnWriteRefusal(const std::string& reason) = 0;
  // The journal failed; nothing will be acknowledged any more. Expected to end the process.
  virtual void OnFatal(const absl::Status& status) = 0;
  // The events of an earlier commit, for a repeated request: calls `done` later, on any thread.
  virtual void FetchCommit(journal::CommitRange range, Done done) = 0;
  // A batch begins, be it empty: the heartbeat of the workspace.
  virtual void OnTick() {}
  // Whether OnTick must go on coming although nothing falls due.
  virtual bool WantsTicks() const { return false; }
};

// The one writer of a workspace: decides, evolves, appends and answers, a batch at a time; ends
// leases that ran out; serves waiting calls in the batch that frees work for them. Without a thread
// and without waiting: the sequencer runs it, tests crank it by hand on a virtual clock. Not
// thread-safe, except for the lease tables that it is given.
class Writer {
 public:
  struct Parts {
    core::State* state = nullptr;
    journal::Journal* journal = nullptr;
    const base::Clock* clock = nullptr;
    LeaseClock* lease_clock = nullptr;
    // Owner: the agent.
    LeaseTable* sessions = nullptr;
    // Claims with a timeout of their own, and whatever else an agent holds so. Owner: the agent.
    LeaseTable* rights = nullptr;
    WriterObserver* observer = nullptr;
    size_t waiters_capacity = 0;
    Archiving::Rules archiving;
    // Text that the workspace may have, bytes; 0: as much as it likes.
    int64_t text_quota = 0;
    // What decides: a test may have a command of its own.
    std::function<absl::StatusOr<core::Decision>(const core::State&, const core::Command&,
                                                 const base::Now&, const core::Turn&)>
        decide = [](const core::State& on, const core::Command& command, const base::Now& now,
                    const core::Turn& turn) { return core::Decide(on, command, now, turn); };
  };

  // While the disk is full one batch in this time tries to write; the others are refused at once.
  static constexpr absl::Duration kFullRetry = absl::Milliseconds(250);

  explicit Writer(const Parts& parts);

  // Gives every live session and claim with a timeout its full time: after a start.
  void GrantLeases();
  // The same, and from here on they run out: once agents can reach the hub.
  void BeginLeases();

  // One batch: what became due, then the calls in order; commits; answers all of them but those
  // that wait.
  void Run(std::vector<Call> calls);

  // When Run({}) will have something to do, in lease time. Nullopt: only with new calls.
  std::optional<base::MonoTime> NextDue() const;

  // Whether empty batches must go on coming although nothing falls due.
  bool WantsTicks() const { return parts_.observer->WantsTicks(); }

  // The caller of a waiting call went away. False: it does not wait.
  bool CancelWaiter(CallId id);
  // Ends all waits with this status, those that would begin later too. No lease runs out after it:
  // nobody can be served, so nobody can renew one.
  void EndWaits(const absl::Status& status);
  size_t waiting() const { return waits_.size(); }

  // The journal failed.
  bool failed() const { return failed_; }

 private:
  struct Answer {
    Call call;
    absl::StatusOr<Outcome> outcome;
  };
  // A repeated request whose answer is not in memory: it is looked up once the batch is durable.
  struct Repeat {
    Call call;
    journal::CommitRange range;
  };

  void BeginBatch();
  // A batch that is not tried, because the disk was full a moment ago.
  void RefuseFull(std::vector<Call> calls);
  void RunDue();
  // Whether leases may run out.
  bool LeasesRun() const { return leases_begun_ && closed_.ok(); }
  void ExpireSessions();
  void ExpireRights();
  void ExpireClaim(const LeaseKey& key);
  void RunCall(Call call);
  // Looks for the request among those remembered or waiting. True: `call` was taken care of.
  bool HandleRepeated(Call* call);
  void AnswerRepeated(Call call, const journal::v1::RememberedRequest& remembered);
  void DecideCall(Call call);
  absl::StatusOr<core::Decision> Decide(const core::Command& command,
                                        core::WaitQueue::Place place) const;
  // Makes room for a commit in the append under way: if it does not fit, what was decided so far is
  // committed and answered first. Errors: LIMIT_REACHED, when no append is large enough for it;
  // that of the commit, which then has undone what the decision stands on.
  absl::Status MakeRoom(const core::Decision& decision,
                        const journal::v1::CommitPrivate& private_bytes);
  // Applies and answers what was decided of a call that waits no longer.
  void Finish(Call call, absl::StatusOr<core::Decision> decision);
  // The private bytes of a command's commit. Errors: REPEATS_FULL.
  absl::StatusOr<journal::v1::CommitPrivate> PrivateFor(const core::Command& command);
  // The command's request was remembered, or repeated.
  void TouchWindow(const journal::v1::RequestKey& key);
  // Parks the call; refuses it when nobody may wait, or too many do.
  void Wait(Call call, core::Wait wait);
  // Looks for the request among those that wait. True: `call` was taken care of.
  bool JoinWaiting(Call* call);
  // Decides a waiting call again. What it gets or is refused is answered, also that its wait is
  // `over`. False: it waits on.
  bool Retry(WaitList::Place place, bool over);
  // Evolves and keeps for the commit. Empty decisions are fine.
  void Apply(const core::Decision& decision, const journal::v1::CommitPrivate* private_bytes);
  // A command of the hub's own, of this part. Whether it did anything.
  bool ApplyInternal(const std::string& part, core::CommandBody body);
  void ArchiveIfDue();
  // What text the store has, with this batch.
  int64_t TextBytes() const;
  // Gives what became free to those who wait for it.
  void ServeWaiters();
  // Newly ready tickets, to the first waiters that admit them.
  void ServeTickets();
  void EndOverdueWaits();
  // Waits end with their session, and whoever wants what was freed is woken.
  void FollowWaits(const core::Decision& decision);
  void EndSessionWaits(const std::string& session_uid);
  void Reply(Call call, absl::StatusOr<Outcome> outcome);

  // Writes what was decided so far, and answers it. Not OK: nothing of it was written.
  absl::Status Commit();
  void Acknowledge();
  void AbandonFull(const absl::Status& status);
  void Fail(const absl::Status& status);
  void AnswerAll();

  base::Now ReadClock() const;
  // The same by the monotonic clock itself, for what has nothing to do with leases: it also runs
  // where nobody looked at the lease clock for a while.
  base::Now SteadyNow() const;

  const Parts parts_;
  LeaseBook leases_;
  WaitList waits_;
  RequestWindows windows_;
  Archiving archiving_;
  std::shared_ptr<const core::View> durable_view_;

  // The batch under way.
  base::Now now_;
  std::vector<EncodedEvent> events_;
  std::vector<journal::Entry> entries_;
  // What the first `counted_` entries count for in the journal's max_append_bytes.
  size_t counted_ = 0;
  size_t counted_bytes_ = 0;
  std::vector<Answer> answers_;
  std::vector<Repeat> repeats_;
  int64_t batch_text_bytes_ = 0;

  bool failed_ = false;
  bool leases_begun_ = false;
  // Not OK: nobody may wait any more, for this reason.
  absl::Status closed_;
  // The disk is full: nothing is tried before this.
  std::optional<base::MonoTime> full_until_;
};

}  // namespace coordhub::engine
