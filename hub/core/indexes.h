// What decisions look up beside the records. Each index is an object that is told of every change
// of the tables that it sees, as the record before (null: it was not there) and after (null: it is
// gone), and is undone by being told the same the other way round, newest change first.
//
// Owned by one State; not thread-safe. `Change` has an overload for each table that the index sees:
// that is how State knows whom to tell.

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
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
#include "agent/base/clock.h"
#include "hub/core/ready_queue.h"
#include "hub/core/tables.h"

namespace coordhub::core {

// Which tickets depend on a ticket. The finished ones stand apart: they may be any number, and a
// change of the ticket is nothing to them.
class DependentsIndex {
 public:
  using NumberSet = absl::btree_set<int64_t>;
  struct Dependents {
    NumberSet unfinished;
    NumberSet finished;

    bool empty() const { return unfinished.empty() && finished.empty(); }
    bool operator==(const Dependents&) const = default;
  };

  void Change(Tag<tables::Tickets>, int64_t number, const pb::Ticket* before,
              const pb::Ticket* after);

  // Tickets whose dependencies name `number`.
  const Dependents& Of(int64_t number) const;
  std::map<int64_t, Dependents> All() const { return {dependents_.begin(), dependents_.end()}; }

 private:
  // None is empty.
  absl::flat_hash_map<int64_t, Dependents> dependents_;
};

// Finished tickets in the order of their last change.
class FinishedIndex {
 public:
  // (mod_revision, number).
  using Order = absl::btree_set<std::pair<int64_t, int64_t>>;

  void Change(Tag<tables::Tickets>, int64_t number, const pb::Ticket* before,
              const pb::Ticket* after);

  const Order& order() const { return order_; }

 private:
  Order order_;
};

// How many tickets each agent holds.
class ClaimsIndex {
 public:
  void Change(Tag<tables::Tickets>, int64_t number, const pb::Ticket* before,
              const pb::Ticket* after);

  int HeldBy(std::string_view agent_id) const;
  std::map<std::string, int> All() const { return {held_.begin(), held_.end()}; }

 private:
  // None is zero.
  absl::flat_hash_map<std::string, int> held_;
};

// The same directory, as everybody writes it.
std::string_view WithoutTrailingSlashes(std::string_view path);

// Live sessions, and ended agents in the order in which they ended.
class AgentsIndex {
 public:
  void Change(Tag<tables::Agents>, const std::string& agent_id, const pb::Agent* before,
              const pb::Agent* after);

  // The agent of a live session; null: none.
  const std::string* OfSession(std::string_view session_uid) const;
  size_t live_count() const { return by_session_.size(); }
  // Live agents that were registered by this agent's session, directly.
  std::vector<std::string> LiveSubAgentsOf(std::string_view agent_id) const;
  // The live agent that registered a branch, the first of several; empty: none.
  std::string OwnerOfBranch(std::string_view branch) const;
  // The live agents that registered a worktree, those that began first first. `worktree` has no
  // slash at its end (WithoutTrailingSlashes).
  std::vector<std::string> LiveInWorktree(std::string_view worktree) const;
  // Null: none has ended.
  const std::string* OldestEnded() const;

  using SubAgents = absl::btree_set<std::pair<std::string, std::string>>;
  using ByBranch = absl::btree_set<std::tuple<std::string, int64_t, std::string>>;
  using ByWorktree = ByBranch;
  using Ended = absl::btree_set<std::pair<int64_t, std::string>>;
  std::map<std::string, std::string> sessions() const {
    return {by_session_.begin(), by_session_.end()};
  }
  const SubAgents& sub_agents() const { return sub_agents_; }
  const ByBranch& by_branch() const { return by_branch_; }
  const ByWorktree& by_worktree() const { return by_worktree_; }
  const Ended& ended() const { return ended_; }

 private:
  absl::flat_hash_map<std::string, std::string> by_session_;
  // (parent, child) of live agents.
  SubAgents sub_agents_;
  // (branch, fence, agent id) of live agents with a branch.
  ByBranch by_branch_;
  // (worktree, fence, agent id) of live agents with a worktree.
  ByWorktree by_worktree_;
  // (end: mod_revision, agent id) of ended agents.
  Ended ended_;
};

// Remembered requests by what repeats them.
class RequestsIndex {
 public:
  using RequestPtr = RecordPtr<tables::Requests>;

  void Change(Tag<tables::Requests>, const tables::Requests::Key& key, const RequestPtr& before,
              const RequestPtr& after);

  const jpb::RememberedRequest* Find(std::string_view actor, std::string_view client,
                                     std::string_view request_id) const;
  // How many are remembered in a window.
  int CountOf(const std::string& window) const;
  size_t size() const { return by_name_.size(); }
  size_t window_count() const { return counts_.size(); }
  std::map<std::string, int> counts() const { return {counts_.begin(), counts_.end()}; }

 private:
  // (actor, client, request_id).
  using Name = std::tuple<absl::string_view, absl::string_view, absl::string_view>;
  struct Hash {
    using is_transparent = void;
    size_t operator()(const Name& name) const { return absl::Hash<Name>()(name); }
    size_t operator()(const RequestPtr& request) const { return (*this)(NameOf(request)); }
  };
  struct Equal {
    using is_transparent = void;
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      return NameOf(a) == NameOf(b);
    }
  };
  static Name NameOf(const Name& name) { return name; }
  static Name NameOf(const RequestPtr& request) {
    return {request->key().actor(), request->key().client(), request->key().request_id()};
  }

  absl::flat_hash_set<RequestPtr, Hash, Equal> by_name_;
  // By window.
  absl::flat_hash_map<std::string, int> counts_;
};

// The ready queue, kept in line with the tickets: it holds the OPEN ones.
class ReadyIndex {
 public:
  using TicketPtr = std::shared_ptr<const pb::Ticket>;

  void Change(Tag<tables::Tickets>, int64_t number, const TicketPtr& before, const TicketPtr& after,
              const base::Now& now);
  // Undoes the newest Change that was noted: `before` is in the queue again as it was. What had
  // become ready by the passing of time stays ready.
  void Undo(Tag<tables::Tickets>, int64_t number, const TicketPtr& before, const base::Now& now);
  // Changes are noted for Undo from here on; those before are not undone any more.
  void Note();

  // Back-offs count from `now`, and what is due by now is ready.
  void Anchor(const base::Now& now) { queue_.Reanchor(now); }

  const ReadyQueue& queue() const { return queue_; }
  ReadyQueue& queue() { return queue_; }

 private:
  ReadyQueue queue_;
  bool noting_ = false;
  // Where the tickets were that changed, oldest change first.
  std::vector<ReadyQueue::Place> places_before_;
};

}  // namespace coordhub::core
