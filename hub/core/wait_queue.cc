#include "hub/core/wait_queue.h"

#include <algorithm>

#include "agent/base/mutant.h"
#include "agent/base/string_view.h"

namespace coordhub::core {

WaitQueue::GroupKey WaitQueue::GroupOf(const ClaimSelector& selector, std::string agent_id) {
  return {std::move(agent_id), selector.labels, selector.max_priority.value_or(-1)};
}

template <class Fn>
void WaitQueue::ForEachList(const Waiting& waiting, Fn&& fn) {
  if (const auto* selector = std::get_if<ClaimSelector>(&waiting.wanted)) {
    fn(groups_, GroupOf(*selector, ""));
    fn(groups_, GroupOf(*selector, selector->agent_id));
    return;
  }
  for (const std::string& name : std::get<NamesWanted>(waiting.wanted).names) fn(by_name_, name);
  fn(by_agent_, waiting.agent_id);
}

WaitQueue::Place WaitQueue::Enter(Waiting waiting) {
  const Place place = ++last_;
  ForEachList(waiting, [&](auto& map, const auto& key) { map[key].insert(place); });
  all_.emplace(place, std::move(waiting));
  return place;
}

Waiting WaitQueue::Leave(Place place) {
  const auto it = all_.find(place);
  Waiting waiting = std::move(it->second);
  all_.erase(it);
  ForEachList(waiting, [&](auto& map, const auto& key) {
    const auto list = map.find(key);
    if (list == map.end()) return;
    list->second.erase(place);
    if (list->second.empty()) map.erase(list);
  });
  return waiting;
}

std::optional<WaitQueue::Place> WaitQueue::FirstFor(const v1::Ticket& ticket) const {
  std::optional<Place> first;
  const std::string& assignee = ticket.assignee_agent_id();
  for (auto it = groups_.lower_bound(GroupKey{.agent_id = assignee});
       it != groups_.end() && it->first.agent_id == assignee; ++it) {
    ClaimSelector selector{.agent_id = assignee, .labels = it->first.labels};
    if (it->first.max_priority >= 0) selector.max_priority = it->first.max_priority;
    if (!ReadyQueue::Admits(selector, ticket)) continue;
    const Place place =
        base::MutantActive("waiter_lifo") ? *it->second.rbegin() : *it->second.begin();
    if (!first || place < *first) first = place;
  }
  return first;
}

std::optional<WaitQueue::Place> WaitQueue::FirstWanting(std::string_view name) const {
  const auto it = by_name_.find(base::ToAbsl(name));
  if (it == by_name_.end()) return std::nullopt;
  return *it->second.begin();
}

std::optional<WaitQueue::Place> WaitQueue::FirstInTheWay(const NamesWanted& wanted,
                                                         Place place) const {
  if (base::MutantActive("waiter_overtaken")) return std::nullopt;
  std::optional<Place> first;
  for (const std::string& name : wanted.names) {
    const std::optional<Place> ahead = FirstWanting(name);
    if (ahead && *ahead < place && (!first || *ahead < *first)) first = ahead;
  }
  return first;
}

// Depth first over the agents, each visited once.
class WaitQueue::CycleSearch {
 public:
  CycleSearch(const WaitQueue& queue, const HoldersOf& holders_of, const std::string& goal)
      : queue_(queue), holders_of_(holders_of), goal_(goal) {}

  // Whether one who waits so waits for the goal in the end. Then `path` has the agents between.
  bool Reaches(const std::string& self, const NamesWanted& wanted, Place place) {
    for (const std::string& name : wanted.names) {
      for (const std::string& holder : holders_of_(name)) {
        if (holder != self && ReachesBy(holder)) return true;
      }
      const auto list = queue_.by_name_.find(name);
      if (list == queue_.by_name_.end()) continue;
      for (const Place ahead : list->second) {
        if (ahead >= place) break;
        const std::string& other = queue_.At(ahead).agent_id;
        if (other != self && ReachesBy(other)) return true;
      }
    }
    return false;
  }

  std::vector<std::string> path;

 private:
  bool ReachesBy(const std::string& agent_id) {
    if (agent_id == goal_) return true;
    if (!seen_.insert(agent_id).second) return false;
    path.push_back(agent_id);
    const auto it = queue_.by_agent_.find(agent_id);
    if (it != queue_.by_agent_.end()) {
      for (const Place place : it->second) {
        const auto& wanted = std::get<NamesWanted>(queue_.At(place).wanted);
        if (Reaches(agent_id, wanted, place)) return true;
      }
    }
    path.pop_back();
    return false;
  }

  const WaitQueue& queue_;
  const HoldersOf& holders_of_;
  const std::string& goal_;
  absl::btree_set<std::string> seen_;
};

std::vector<std::string> WaitQueue::CycleOf(const std::string& agent_id, const NamesWanted& wanted,
                                            Place place, const HoldersOf& holders_of) const {
  CycleSearch search(*this, holders_of, agent_id);
  if (!search.Reaches(agent_id, wanted, place)) return {};
  search.path.insert(search.path.begin(), agent_id);
  return std::move(search.path);
}

std::vector<std::string> NamesFreedBy(const v1::Event& event) {
  std::vector<std::string> names;
  for (const v1::RecordChange& change : event.changes()) {
    if (!change.has_reservation()) continue;
    if (!change.erased() && change.reservation().state() == v1::Reservation::STATE_HELD) continue;
    for (const v1::ReservedItem& item : change.reservation().items()) {
      names.push_back(item.has_resource() ? item.resource() : item.path_pattern());
    }
  }
  return names;
}

}  // namespace coordhub::core
