#include "hub/core/decide/cycles.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "hub/core/decide/refusals.h"
#include "hub/core/limits.h"
#include "hub/core/records.h"

namespace coordhub::core {
namespace {

// Tickets that wait for this one.
std::vector<int64_t> WaitersOf(const Draft& draft, int64_t number) {
  std::vector<int64_t> waiters = draft.DependentsOf(number);
  // A parent that is archived waits for nothing any more.
  const pb::Ticket* ticket = draft.FindTicket(number);
  if (ticket == nullptr) return {};
  if (!ticket->parent_ticket_id().empty()) {
    waiters.push_back(TicketNumber(ticket->parent_ticket_id()));
  }
  return waiters;
}

// A search in depth along "is waited for by". Its own stack, because chains of tickets may be long.
class CycleSearch {
 public:
  explicit CycleSearch(const Draft& draft) : draft_(draft) {}

  // A cycle that can be reached from `start`, from a ticket through what it waits for back to
  // itself; empty when there is none. What an earlier call has searched is not searched again.
  std::vector<int64_t> From(int64_t start) {
    if (!Enter(start)) return {};
    while (!path_.empty()) {
      Step& step = path_.back();
      if (step.next == step.waiters.size()) {
        on_path_[step.number] = false;
        path_.pop_back();
        continue;
      }
      const int64_t waiter = step.waiters[step.next++];
      if (!Enter(waiter) && on_path_[waiter]) return CycleTo(waiter);
    }
    return {};
  }

 private:
  struct Step {
    int64_t number;
    std::vector<int64_t> waiters;
    size_t next = 0;
  };

  // False when the ticket was met before.
  bool Enter(int64_t number) {
    if (!on_path_.emplace(number, true).second) return false;
    path_.push_back({number, WaitersOf(draft_, number)});
    return true;
  }

  // `first` is on the path and waits for the last one there.
  std::vector<int64_t> CycleTo(int64_t first) const {
    std::vector<int64_t> cycle = {first};
    for (auto step = path_.rbegin(); step != path_.rend(); ++step) {
      cycle.push_back(step->number);
      if (step->number == first) break;
    }
    return cycle;
  }

  const Draft& draft_;
  std::vector<Step> path_;
  // Every ticket that was met, and whether it is on the path still.
  absl::flat_hash_map<int64_t, bool> on_path_;
};

// Whether the tree below a ticket has at most `levels` levels.
bool FitsInto(const Draft& draft, int64_t number, int levels) {
  if (levels < 0) return false;
  const std::vector<int64_t> children = draft.ChildrenOf(number);
  return std::all_of(children.begin(), children.end(),
                     [&](int64_t child) { return FitsInto(draft, child, levels - 1); });
}

}  // namespace

absl::Status CheckCycles(const Draft& draft, const std::vector<int64_t>& changed,
                         const NameOf& name_of) {
  CycleSearch search(draft);
  for (const int64_t number : changed) {
    const std::vector<int64_t> cycle = search.From(number);
    if (cycle.empty()) continue;
    std::vector<std::string> names;
    names.reserve(cycle.size());
    for (const int64_t member : cycle) names.push_back(name_of(member));
    return DependencyCycle(names);
  }
  return absl::OkStatus();
}

absl::Status CheckParentDepth(const Draft& draft, int64_t number) {
  int above = 0;
  for (const pb::Ticket* ticket = draft.FindTicket(number);
       ticket != nullptr && !ticket->parent_ticket_id().empty() && above <= limits::kParentDepth; ++above) {
    ticket = draft.FindTicket(TicketNumber(ticket->parent_ticket_id()));
  }
  if (FitsInto(draft, number, limits::kParentDepth - above)) return absl::OkStatus();
  return LimitReached("parent_depth", limits::kParentDepth,
                      absl::StrCat(limits::kParentDepth, " parents above a ticket"));
}

}  // namespace coordhub::core
