// Who waits for what, in order of arrival: what decisions know of the calls that are parked.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "coordhub/v1/event.pb.h"
#include "coordhub/v1/ticket.pb.h"
#include "hub/core/ready_queue.h"

namespace coordhub::core {

// Named things that are wanted together, or not at all.
struct NamesWanted {
  // Sorted, each once: `port:8080`.
  std::vector<std::string> names;
};

// What a call waits for, one alternative for each kind of call that waits: any ready ticket that
// the selector admits; or all of these names.
using Wanted = std::variant<ClaimSelector, NamesWanted>;

// How a decision says that its call may wait: it has no events, and is made again when what it
// wants may be there.
struct Wait {
  Wanted wanted;
  // From the first decision on; more than zero.
  absl::Duration span;
  // The answer once the span is over. OK: that of a call that does not wait.
  absl::Status otherwise;
};

// One call that waits.
struct Waiting {
  std::string agent_id;
  std::string session_uid;
  Wanted wanted;
};

// Those who wait, first come, first served. Nobody who comes later may take a part of what one
// ahead of him waits for: a decision about names asks `FirstInTheWay`, and refuses to wait where
// `CycleOf` finds that nobody could ever go on. Pure and no state: who leaves leaves no trace.
// Changed by the writer only, between decisions; not thread-safe.
class WaitQueue {
 public:
  // Order of arrival, from 1.
  using Place = uint64_t;
  using Places = absl::btree_set<Place>;
  // Of a call that does not wait yet: behind all who do.
  static constexpr Place kNewcomer = UINT64_MAX;

  // At the end.
  Place Enter(Waiting waiting);
  // The place must be taken.
  Waiting Leave(Place place);
  const Waiting& At(Place place) const { return all_.at(place); }
  size_t size() const { return all_.size(); }

  // The first who admits the ticket. In proportion to the different selectors that wait, however
  // many wait with each.
  std::optional<Place> FirstFor(const v1::Ticket& ticket) const;

  // The first before `place` who wants any of the names. O(log n) for each name.
  std::optional<Place> FirstInTheWay(const NamesWanted& wanted, Place place) const;
  // The first who wants the name.
  std::optional<Place> FirstWanting(std::string_view name) const;

  // The holders of a name: agents.
  using HoldersOf = std::function<std::vector<std::string>(const std::string& name)>;
  // The agents that would wait for each other in a circle if `agent_id` waited for `wanted` at
  // `place`: each waits for the next, the last for the first, which is `agent_id`. An agent waits
  // for the holders of what it wants, and for those ahead who want any of it. Empty: no circle.
  std::vector<std::string> CycleOf(const std::string& agent_id, const NamesWanted& wanted,
                                   Place place, const HoldersOf& holders_of) const;

 private:
  // (agent or empty for all, labels, max_priority or -1).
  struct GroupKey {
    std::string agent_id;
    std::vector<std::string> labels;
    int max_priority = -1;

    friend auto operator<=>(const GroupKey&, const GroupKey&) = default;
  };
  class CycleSearch;

  static GroupKey GroupOf(const ClaimSelector& selector, std::string agent_id);
  // Calls `fn(map, key)` with each list that such a call is in.
  template <class Fn>
  void ForEachList(const Waiting& waiting, Fn&& fn);

  Place last_ = 0;
  absl::btree_map<Place, Waiting> all_;
  // Of those who wait for tickets: each is in one group of its agent and in one of all.
  absl::btree_map<GroupKey, Places> groups_;
  // Of those who wait for names. No set is empty.
  absl::flat_hash_map<std::string, Places> by_name_;
  // The places at which an agent waits for names. No set is empty.
  absl::flat_hash_map<std::string, Places> by_agent_;
};

// The queue, and where the call that is decided stands in it.
struct Turn {
  const WaitQueue& queue;
  WaitQueue::Place place = WaitQueue::kNewcomer;
};

// Names that an event frees: those of a reservation that ends.
std::vector<std::string> NamesFreedBy(const v1::Event& event);

}  // namespace coordhub::core
