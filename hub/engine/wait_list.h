#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "agent/base/clock.h"
#include "hub/core/ready_queue.h"
#include "hub/engine/call.h"

namespace coordhub::engine {

// Calls that wait for a ticket, first come, first served, indexed by what they select. No state: a
// waiter that goes leaves no trace. Used by the writer only; not thread-safe.
class WaitList {
 public:
  struct Waiter {
    Call call;
    core::ClaimSelector selector;
    std::string session_uid;
    base::MonoTime wait_until;
    // Order of arrival; kept when the waiter is put back.
    uint64_t sequence = 0;
  };

  explicit WaitList(size_t capacity) : capacity_(capacity) {}

  // False: the list is full and `waiter` is untouched.
  bool Add(Waiter&& waiter);

  // The first waiter that admits the ticket, in O(groups): waiters with equal labels and priority
  // are one group.
  std::optional<CallId> FirstFor(const v1::Ticket& ticket) const;
  Waiter Take(CallId id);

  // Lets another call with the same request wait with this one. False: the list is full and `call`
  // is untouched.
  bool Join(Waiter* waiter, Call* call);
  // Takes out one caller, who waits or has joined, and the waiter with its last caller. An empty
  // Done: that call does not wait.
  Done Leave(CallId caller);

  // Those whose wait is over, in order of arrival.
  std::vector<Waiter> TakeOverdue(base::MonoTime now);
  std::vector<Waiter> TakeSession(const std::string& session_uid);
  std::vector<Waiter> TakeAll();
  std::optional<base::MonoTime> NextOverdue() const;

  // A waiting call of this session by this client with this request id; null: none.
  Waiter* FindRequest(const std::string& session_uid, const std::string& client,
                      const std::string& request_id);

  // Calls that wait, those that joined others included.
  size_t size() const { return waiters_.size() + joined_.size(); }

 private:
  // (sequence, call)
  using Queue = absl::btree_set<std::pair<uint64_t, CallId>>;
  // (labels, max_priority or -1)
  using GroupKey = std::pair<std::vector<std::string>, int>;
  struct Group {
    Queue all;
    absl::flat_hash_map<std::string, Queue> by_agent;
  };

  static GroupKey KeyOf(const core::ClaimSelector& selector);
  std::vector<Waiter> TakeEach(const std::vector<CallId>& ids);

  const size_t capacity_;
  uint64_t next_sequence_ = 1;
  absl::flat_hash_map<CallId, Waiter> waiters_;
  // Calls that joined, by the waiter that they joined.
  absl::flat_hash_map<CallId, CallId> joined_;
  absl::btree_map<GroupKey, Group> groups_;
  absl::btree_set<std::pair<base::MonoTime, CallId>> overdue_;
  absl::flat_hash_map<std::string, absl::btree_set<std::pair<uint64_t, CallId>>> by_session_;
};

}  // namespace coordhub::engine
