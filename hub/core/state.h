#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "coordhub/journal/v1/record.pb.h"
#include "coordhub/v1/event.pb.h"
#include "hub/core/indexes.h"
#include "hub/core/records.h"

namespace coordhub::core {

// The fold of a workspace's events, with the indexes that decisions need. Owned by one writer; not
// thread-safe. Changed only by `Evolve`, which cannot fail: an event that does not apply means that
// the journal is wrong, and the process stops.
class State {
 public:
  using NumberSet = DependentsIndex::NumberSet;

  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  int64_t revision() const { return revision_; }
  int64_t last_ticket_number() const { return last_ticket_number_; }
  absl::Time last_event_time() const { return last_event_time_; }
  const Records& records() const { return records_; }

  // Null when unknown. Pointers are valid until the next Evolve.
  const pb::Ticket* FindTicket(int64_t number) const { return records_.FindTicket(number); }
  const pb::Agent* FindAgent(std::string_view agent_id) const {
    return records_.FindAgent(agent_id);
  }
  // The agent whose live session has this uid; null when no live session does.
  const pb::Agent* FindSession(std::string_view session_uid) const;
  // The live agent that registered a branch, the first of several (a sub-agent works on its
  // parent's branch); empty: none.
  std::string OwnerOfBranch(std::string_view branch) const { return agents_.OwnerOfBranch(branch); }
  // The live agents that registered a worktree, those that began first first.
  std::vector<std::string> LiveInWorktree(std::string_view worktree) const {
    return agents_.LiveInWorktree(WithoutTrailingSlashes(worktree));
  }
  // Number of live sessions.
  size_t live_agent_count() const { return agents_.live_count(); }
  // Tickets whose dependencies name `number`.
  const DependentsIndex::Dependents& DependentsOf(int64_t number) const {
    return dependents_.Of(number);
  }
  // Finished tickets, (mod_revision, number), the one that changed last comes last.
  const FinishedIndex::Order& finished() const { return finished_.order(); }
  // Live agents that were registered by this agent's session, directly.
  std::vector<std::string> LiveSubAgentsOf(std::string_view agent_id) const {
    return agents_.LiveSubAgentsOf(agent_id);
  }
  // Number of agent records; ended agents from the one that ended first.
  size_t agent_count() const { return records_.of<tables::Agents>().size(); }
  const pb::Agent* OldestEndedAgent() const;
  // How many tickets the agent holds.
  int ClaimsHeldBy(std::string_view agent_id) const { return claims_.HeldBy(agent_id); }
  // The remembered request, or null.
  const jpb::RememberedRequest* FindRequest(std::string_view actor, std::string_view client,
                                            std::string_view request_id) const {
    return requests_.Find(actor, client, request_id);
  }
  // How many clients have remembered requests.
  size_t request_window_count() const { return requests_.window_count(); }
  // Commits of remembered requests that were forgotten since the last call and whose answers are in
  // the store: there they are of no use any more. For who keeps the store; not in replay.
  std::vector<int64_t> TakeForgottenAnswers() { return std::exchange(forgotten_answers_, {}); }

  const ReadyQueue& ready() const { return ready_.queue(); }
  // Moves tickets that are due to the ready ones. Call before deciding. Returns how many moved.
  int ReleaseDue(const base::Now& now) { return ready_.queue().ReleaseDue(now); }

  // Applies one event. `private_bytes` belongs to the first event of a commit and may be null.
  // `event_bytes` is the event as it is encoded; empty: it is encoded here where that is needed.
  // `now` (live: that of the decision) is what a back-off that the event sets counts from. In
  // replay it may be any time before that of AnchorDelays.
  void Evolve(const std::shared_ptr<const pb::Event>& event,
              const jpb::CommitPrivate* private_bytes, const base::Now& now,
              std::string_view event_bytes = {});

  // After replay: back-offs count from `now`, and what is due by now is ready.
  void AnchorDelays(const base::Now& now) { ready_.Anchor(now); }

  // Puts one record of a snapshot; then FinishLoad. `State` must be fresh. `record` is held, not
  // copied.
  void LoadRecord(const std::shared_ptr<const jpb::SnapshotRecord>& record);
  void FinishLoad(const jpb::SnapshotHeader& header, const base::Now& now);

  // An immutable picture. O(1). From the first call on, every change is noted for RollBack; so call
  // it once after replay and then after each batch.
  std::shared_ptr<const View> MakeView();

  // Ticket numbers that became ready since the last call (by an event or by ReleaseDue), in order
  // of priority, then age; a ticket that is no longer ready is left out.
  std::vector<int64_t> TakeNewlyReady() { return ready_.queue().TakeNewlyReady(); }

  // Undoes every event since the view was made, which must be the last that MakeView made: records
  // go back to the view's, indexes are told every change again, backwards. In proportion to what
  // was changed. What had become ready by the passing of time stays ready.
  void RollBack(const View& to, const base::Now& now);

 private:
  friend class StateInvariants;

  // The journal, or whoever made the event, is wrong: going on would make the state wrong for good.
  // Ends the process.
  [[noreturn]] static void DoesNotApply(const std::string& what);

  // One change of one record; null: it was not there, or is gone.
  template <class T>
  struct Undo {
    typename T::Key key;
    RecordPtr<T> before;
    RecordPtr<T> after;
  };
  template <class List>
  struct UndoOf;
  template <class... Ts>
  struct UndoOf<TableList<Ts...>> {
    using Entry = std::variant<Undo<Ts>...>;
  };

  void ApplyChange(const std::shared_ptr<const pb::Event>& event, const pb::RecordChange& change,
                   const base::Now& now);
  template <class T>
  void Put(typename T::Key key, RecordPtr<T> record, const base::Now& now);
  // The record must be there.
  template <class T>
  void Erase(const typename T::Key& key, const base::Now& now);
  // Tells the lists and indexes that see the table, and notes the change for RollBack.
  template <class T>
  void Changed(const typename T::Key& key, RecordPtr<T> before, RecordPtr<T> after,
               const base::Now& now);
  // The same for the indexes only.
  template <class T>
  void TellIndexes(const typename T::Key& key, const RecordPtr<T>& before,
                   const RecordPtr<T>& after, const base::Now& now);
  template <class T>
  void UndoChange(const Undo<T>& undo, const base::Now& now);

  // Keeps what is to be known of a ticket that leaves the state.
  void NoteArchived(const pb::Ticket& ticket, const base::Now& now);
  // Moves the mark of a file and drops those of files that are gone.
  void ApplyImport(const jpb::ImportStep& import, const base::Now& now);
  // The request of the commit under way, which gets what its answer needs with each event; the last
  // one makes it remembered.
  void BeginRequest(const pb::Event& first, const jpb::RequestKey& key);
  void ContinueRequest(const pb::Event& event, std::string_view event_bytes, const base::Now& now);
  // Drops the window's oldest request when it is full.
  void Remember(const RecordPtr<tables::Requests>& request, const base::Now& now);
  void ForgetRequest(const tables::Requests::Key& key, const base::Now& now);
  // The window of this name, or all whose names begin so.
  void ForgetWindows(const std::string& name, bool prefix, const base::Now& now);

  Records records_;
  int64_t revision_ = 0;
  int64_t last_ticket_number_ = 0;
  absl::Time last_event_time_ = absl::UnixEpoch();

  // Null between commits, and in one whose request is not to be remembered.
  std::shared_ptr<jpb::RememberedRequest> request_under_way_;
  size_t answer_bytes_ = 0;
  std::vector<int64_t> forgotten_answers_;

  // For decisions only; each sees the tables for which it has a Change.
  DependentsIndex dependents_;
  ClaimsIndex claims_;
  FinishedIndex finished_;
  AgentsIndex agents_;
  RequestsIndex requests_;
  ReadyIndex ready_;

  // Every change since the last MakeView. Nothing is noted before the first one (replay).
  bool has_view_ = false;
  std::vector<UndoOf<AllTables>::Entry> undo_log_;
};

}  // namespace coordhub::core
