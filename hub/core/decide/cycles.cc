#include "hub/core/decide/cycles.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "agent/base/status_macros.h"
#include "hub/core/decide/refusals.h"
#include "hub/core/limits.h"
#include "hub/core/records.h"

namespace coordhub::core {
namespace {

// Which way a search follows the edges.
enum class Way {
  // To the tickets that wait for one: its dependents and its parent.
  kToWaiters,
  // To the tickets that one waits for: its dependencies and its children.
  kToAwaited,
};

// No more than `max` of them.
std::vector<int64_t> NeighboursOf(const Draft& draft, int64_t number, Way way, size_t max) {
  const pb::Ticket* ticket = draft.FindTicket(number);
  if (ticket == nullptr) return {};
  if (way == Way::kToWaiters) {
    std::vector<int64_t> waiters = draft.DependentsOf(number, max);
    const std::string& parent = ticket->parent_ticket_id();
    if (!parent.empty()) waiters.push_back(TicketNumber(parent));
    return waiters;
  }
  std::vector<int64_t> awaited = draft.ChildrenOf(number, max);
  for (const pb::Dependency& dependency : ticket->dependencies()) {
    awaited.push_back(TicketNumber(dependency.ticket_id()));
  }
  return awaited;
}

// A search in depth, one way, from tickets in their order. Its own stack, because chains of tickets
// may be long; step by step, because two searches take turns.
class CycleSearch {
 public:
  CycleSearch(const Draft& draft, const std::vector<int64_t>& starts, Way way)
      : draft_(draft), way_(way), starts_(starts.rbegin(), starts.rend()) {}

  // Everything was searched, or a cycle found.
  bool done() const { return (starts_.empty() && path_.empty()) || !cycle_.empty(); }
  // Tickets and edges that were looked at.
  int64_t steps() const { return steps_; }
  // From a ticket through what it waits for back to itself; empty: none is reached.
  const std::vector<int64_t>& cycle() const { return cycle_; }

  // Must not be done.
  void Advance() {
    ++steps_;
    if (path_.empty()) {
      const int64_t start = starts_.back();
      starts_.pop_back();
      Enter(start);
      return;
    }
    Step& step = path_.back();
    if (step.next == step.neighbours.size()) {
      on_path_[step.number] = false;
      path_.pop_back();
      return;
    }
    const int64_t neighbour = step.neighbours[step.next++];
    if (!Enter(neighbour) && on_path_[neighbour]) CloseCycle(neighbour);
  }

 private:
  struct Step {
    int64_t number;
    std::vector<int64_t> neighbours;
    size_t next = 0;
  };

  // False when the ticket was met before.
  bool Enter(int64_t number) {
    if (!on_path_.emplace(number, true).second) return false;
    // One more than may be looked at is enough to find that there are too many.
    const size_t max = static_cast<size_t>(limits::kCycleSteps + 1);
    path_.push_back({number, NeighboursOf(draft_, number, way_, max)});
    return true;
  }

  // `first` is on the path, and a neighbour of the last one there.
  void CloseCycle(int64_t first) {
    auto begin = path_.begin();
    while (begin->number != first) ++begin;
    for (auto step = begin; step != path_.end(); ++step) cycle_.push_back(step->number);
    if (way_ == Way::kToWaiters) std::reverse(cycle_.begin(), cycle_.end());
  }

  const Draft& draft_;
  const Way way_;
  // Those still to begin with, the next one last.
  std::vector<int64_t> starts_;
  std::vector<Step> path_;
  // Every ticket that was met, and whether it is on the path still.
  absl::flat_hash_map<int64_t, bool> on_path_;
  int64_t steps_ = 0;
  std::vector<int64_t> cycle_;
};

// Steps that a search takes at most among these tickets alone.
int64_t StepsAmong(const Draft& draft, const std::vector<int64_t>& changed) {
  int64_t steps = 0;
  for (const int64_t number : changed) {
    // Its beginning, its end, its parent, its dependencies.
    steps += 3 + draft.FindTicket(number)->dependencies_size();
  }
  return steps;
}

// A cycle through one of these tickets; empty when there is none. It would be found both ways, so
// two searches take turns, and whichever has been everywhere first is right: a ticket that nothing
// waits for takes a step, however much it waits for. Errors: LIMIT_REACHED.
absl::StatusOr<std::vector<int64_t>> FindCycle(const Draft& draft,
                                               const std::vector<int64_t>& changed) {
  CycleSearch to_waiters(draft, changed, Way::kToWaiters);
  CycleSearch to_awaited(draft, changed, Way::kToAwaited);
  // New tickets are mostly waited for by each other only: as many edges as the command states.
  for (int64_t own = StepsAmong(draft, changed); own > 0 && !to_waiters.done(); --own) {
    to_waiters.Advance();
  }
  for (int64_t step = 0; step < limits::kCycleSteps; ++step) {
    if (to_waiters.done()) return to_waiters.cycle();
    if (to_awaited.done()) return to_awaited.cycle();
    (step % 2 == 0 ? to_waiters : to_awaited).Advance();
  }
  return LimitReached("cycle_steps", limits::kCycleSteps,
                      "so much waits for these tickets, and they for so much, that a cycle cannot "
                      "be ruled out; link fewer");
}

// The cycle from the first of the changed tickets (ascending) on it, and back to that.
std::vector<int64_t> Closed(std::vector<int64_t> cycle, const std::vector<int64_t>& changed) {
  auto first = cycle.end();
  for (auto it = cycle.begin(); it != cycle.end(); ++it) {
    if (!std::binary_search(changed.begin(), changed.end(), *it)) continue;
    if (first == cycle.end() || *it < *first) first = it;
  }
  if (first != cycle.end()) std::rotate(cycle.begin(), first, cycle.end());
  cycle.push_back(cycle.front());
  return cycle;
}

// Whether the tree below a ticket has at most `levels` levels. Looks at no more than `left`
// tickets; nothing when those are not all.
std::optional<bool> FitsInto(const Draft& draft, int64_t number, int levels, int64_t* left) {
  if (levels < 0) return false;
  if (--*left < 0) return std::nullopt;
  for (const int64_t child : draft.ChildrenOf(number, static_cast<size_t>(*left + 1))) {
    const std::optional<bool> fits = FitsInto(draft, child, levels - 1, left);
    if (fits != std::optional(true)) return fits;
  }
  return true;
}

}  // namespace

absl::Status CheckCycles(const Draft& draft, const std::vector<int64_t>& changed,
                         const NameOf& name_of) {
  COORDHUB_ASSIGN_OR_RETURN(std::vector<int64_t> cycle, FindCycle(draft, changed));
  if (cycle.empty()) return absl::OkStatus();
  std::vector<std::string> names;
  for (const int64_t member : Closed(std::move(cycle), changed)) names.push_back(name_of(member));
  return DependencyCycle(names);
}

absl::Status CheckParentDepth(const Draft& draft, int64_t number) {
  int above = 0;
  for (const pb::Ticket* ticket = draft.FindTicket(number);
       ticket != nullptr && !ticket->parent_ticket_id().empty() && above <= limits::kParentDepth;
       ++above) {
    ticket = draft.FindTicket(TicketNumber(ticket->parent_ticket_id()));
  }
  int64_t left = limits::kTreeMoved;
  const std::optional<bool> fits = FitsInto(draft, number, limits::kParentDepth - above, &left);
  if (!fits.has_value()) {
    return LimitReached("tree_moved", limits::kTreeMoved,
                        absl::StrCat(limits::kTreeMoved, " tickets below one that gets a parent"));
  }
  if (*fits) return absl::OkStatus();
  return LimitReached("parent_depth", limits::kParentDepth,
                      absl::StrCat(limits::kParentDepth, " parents above a ticket"));
}

}  // namespace coordhub::core
