#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "agent/base/clock.h"
#include "hub/core/wait_queue.h"
#include "hub/engine/call.h"

namespace coordhub::engine {

// Calls that wait, of any kind, first come, first served: the calls, and beside them the queue that
// decisions see, which knows what each waits for. No state: a waiter that goes leaves no trace.
// Used by the writer only; not thread-safe.
class WaitList {
 public:
  using Place = core::WaitQueue::Place;

  struct Waiter {
    Call call;
    base::MonoTime wait_until;
  };

  explicit WaitList(size_t capacity) : capacity_(capacity) {}

  // False: the list is full, and `waiter` and `what` are untouched.
  bool Add(Waiter&& waiter, core::Waiting&& what);
  // Null: nobody is at this place any more.
  const Waiter* Find(Place place) const;
  // The waiter leaves; those behind who want any of the same names are woken.
  Call Take(Place place);

  // Lets another call with the same request wait with that of this place. False: the list is full
  // and `call` is untouched.
  bool Join(Place place, Call* call);
  // Takes out one caller, who waits or has joined, and the waiter with its last caller. An empty
  // Done: that call does not wait.
  Done Leave(CallId caller);

  // Those whose wait is over, in order of arrival.
  std::vector<Place> Overdue(base::MonoTime now) const;
  std::optional<base::MonoTime> NextOverdue() const;
  // In order of arrival.
  std::vector<Call> TakeSession(const std::string& session_uid);
  std::vector<Call> TakeAll();

  // A waiting call of this session by this client with this request id.
  std::optional<Place> FindRequest(const std::string& session_uid, const std::string& client,
                                   const std::string& request_id) const;

  // Who waits for what.
  const core::WaitQueue& queue() const { return queue_; }

  // The name is free, or who stood ahead for it has left: it is worth deciding the first who wants
  // it again. Those behind him are served through him: they may not overtake.
  void Wake(const std::string& name);
  // As Wake, of everything that is waited for.
  void WakeAll();
  bool any_woken() const { return !woken_.empty(); }
  // Takes the woken, in order of arrival.
  std::vector<Place> TakeWoken();

  // Calls that wait, those that joined others included.
  size_t size() const { return places_.size(); }

 private:
  std::vector<Call> TakeEach(const absl::btree_set<Place>& places);

  const size_t capacity_;
  core::WaitQueue queue_;
  absl::btree_map<Place, Waiter> waiters_;
  // By caller: those who wait, and those who joined them.
  absl::flat_hash_map<CallId, Place> places_;
  absl::btree_set<std::pair<base::MonoTime, Place>> overdue_;
  absl::flat_hash_map<std::string, absl::btree_set<Place>> by_session_;
  // Names.
  absl::btree_set<std::string> woken_;
};

}  // namespace coordhub::engine
