#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/hash/hash.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "coordhub/journal/v1/record.pb.h"
#include "coordhub/v1/event.pb.h"
#include "hub/core/ready_queue.h"
#include "hub/core/records.h"

namespace coordhub::core {

// The fold of a workspace's events, with the indexes that decisions need. Owned by one writer; not
// thread-safe. Changed only by `Evolve`, which cannot fail: an event that does not apply means that
// the journal is wrong, and the process stops.
class State {
 public:
  // Ticket numbers that depend on a ticket.
  using NumberSet = absl::btree_set<int64_t>;

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
  std::string OwnerOfBranch(std::string_view branch) const;
  // Number of live sessions.
  size_t live_agent_count() const { return agent_by_session_.size(); }
  // Tickets whose dependencies name `number`.
  const NumberSet& DependentsOf(int64_t number) const;
  // Live agents that were registered by this agent's session, directly.
  std::vector<std::string> LiveSubAgentsOf(std::string_view agent_id) const;
  // Number of agent records; ended agents from the one that ended first.
  size_t agent_count() const { return records_.agents.size(); }
  const pb::Agent* OldestEndedAgent() const;
  // How many tickets the agent holds.
  int ClaimsHeldBy(std::string_view agent_id) const;
  // The remembered request, or null.
  const jpb::RememberedRequest* FindRequest(std::string_view actor,
                                            std::string_view request_id) const;

  const ReadyQueue& ready() const { return ready_; }
  // Moves tickets whose `not_before` has come to the ready ones. Call before deciding. Returns how
  // many moved.
  int ReleaseDue(base::MonoTime now) { return ready_.ReleaseDue(now); }

  // Applies one event. `private_bytes` belongs to the first event of a commit and may be null.
  // `now` (live: that of the decision) anchors `not_before` to the monotonic clock when the ticket
  // becomes OPEN or its `not_before` changes; no setting of the wall clock moves it after that. In
  // replay `now` may be any time before that of AnchorDelays.
  void Evolve(const std::shared_ptr<const pb::Event>& event,
              const jpb::CommitPrivate* private_bytes, const base::Now& now);

  // After replay: computes when delayed tickets become ready from `now`.
  void AnchorDelays(const base::Now& now);

  // Puts one record of a snapshot; then FinishLoad. `State` must be fresh. `record` is held, not
  // copied.
  void LoadRecord(const std::shared_ptr<const jpb::SnapshotRecord>& record);
  void FinishLoad(const jpb::SnapshotHeader& header, const base::Now& now);

  // An immutable picture. O(1). From the first call on, what RollBack needs is noted; so call it
  // once after replay and then after each batch.
  std::shared_ptr<const View> MakeView();

  // Ticket numbers that became ready since the last call (by an event or by ReleaseDue), in order
  // of priority, then age; a ticket that is no longer ready is left out.
  std::vector<int64_t> TakeNewlyReady() { return ready_.TakeNewlyReady(); }

  // Undoes every event since the view was made, which must be the last that MakeView made: records
  // go back, indexes follow. In proportion to what was touched. What had become ready by the
  // passing of time stays ready.
  void RollBack(const View& to, const base::Now& now);

 private:
  friend class StateInvariants;

  using RequestPtr = std::shared_ptr<const jpb::RememberedRequest>;
  // (actor, request_id).
  using RequestName = std::pair<absl::string_view, absl::string_view>;
  struct RequestHash {
    using is_transparent = void;
    size_t operator()(const RequestName& name) const { return absl::Hash<RequestName>()(name); }
    size_t operator()(const RequestPtr& request) const { return (*this)(NameOf(request)); }
  };
  struct RequestEqual {
    using is_transparent = void;
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      return NameOf(a) == NameOf(b);
    }
  };
  static RequestName NameOf(const RequestName& name) { return name; }
  static RequestName NameOf(const RequestPtr& request) {
    return {request->key().actor(), request->key().request_id()};
  }

  // The journal, or whoever made the event, is wrong: going on would make the state wrong for good.
  // Ends the process.
  [[noreturn]] static void DoesNotApply(const std::string& what);

  void ApplyChange(const std::shared_ptr<const pb::Event>& event, const pb::RecordChange& change,
                   const base::Now& now);
  void PutTicket(const std::shared_ptr<const pb::Ticket>& ticket, const base::Now& now);
  // Moves the mark of a file and drops those of files that are gone.
  void ApplyImport(const jpb::ImportStep& import);
  void PutAgent(const std::shared_ptr<const pb::Agent>& agent);
  void EraseBranch(const std::string& name);
  // Forgets the requests of the agent, too.
  void EraseAgent(const std::string& agent_id);
  // Drops the actor's oldest request when its window is full.
  void Remember(const RequestPtr& request);
  void ForgetRequest(const std::string& actor, int64_t commit_revision);

  // Each moves indexes from one value of a record to another; `before` may be null, and so may
  // `after` except where said. Derived maps are in `records_`; the others are mutable and only for
  // decisions.
  void IndexDerived(int64_t number, const pb::Ticket* before,
                    const std::shared_ptr<const pb::Ticket>& after);
  void IndexSession(const pb::Agent* before, const std::shared_ptr<const pb::Agent>& after);
  void IndexDependents(int64_t number, const pb::Ticket* before, const pb::Ticket* after);
  void IndexClaim(const pb::Ticket* before, const pb::Ticket* after);
  void IndexAgent(const pb::Agent* before, const pb::Agent* after);
  void IndexRequest(const RequestPtr& before, const RequestPtr& after);
  // Puts an OPEN ticket into the ready queue and takes any other out.
  void Enqueue(int64_t number, const pb::Ticket* before,
               const std::shared_ptr<const pb::Ticket>& after, const base::Now& now);

  void TouchTicket(int64_t number);
  void RollBackTickets(const Records& to, const base::Now& now);
  void RollBackAgents(const Records& to);
  void RollBackRequests(const Records& to);

  Records records_;
  int64_t revision_ = 0;
  int64_t last_ticket_number_ = 0;
  absl::Time last_event_time_ = absl::UnixEpoch();

  ReadyQueue ready_;
  // No set is empty.
  absl::flat_hash_map<int64_t, NumberSet> dependents_;
  // Tickets held, by agent; none is zero.
  absl::flat_hash_map<std::string, int> claims_held_;
  // Of live sessions.
  absl::flat_hash_map<std::string, std::string> agent_by_session_;
  // (parent, child) of live agents.
  absl::btree_set<std::pair<std::string, std::string>> sub_agents_;
  // (branch, fence, agent id) of live agents with a branch.
  absl::btree_set<std::tuple<std::string, int64_t, std::string>> agents_by_branch_;
  // (end: mod_revision, agent id) of ended agents.
  absl::btree_set<std::pair<int64_t, std::string>> ended_agents_;
  absl::flat_hash_set<RequestPtr, RequestHash, RequestEqual> request_index_;
  absl::flat_hash_map<std::string, int> requests_per_actor_;

  // For RollBack: what was touched since the last MakeView; for tickets with their DueTime before.
  // Nothing is noted before the first MakeView (replay).
  bool has_view_ = false;
  absl::flat_hash_map<int64_t, std::optional<base::MonoTime>> touched_tickets_;
  absl::flat_hash_set<std::string> touched_agents_;
  absl::flat_hash_set<std::pair<std::string, int64_t>> touched_requests_;
};

}  // namespace coordhub::core
