#include "hub/core/draft.h"

#include <algorithm>
#include <utility>

#include "hub/core/proto_time.h"
#include "hub/core/records.h"

namespace coordhub::core {

Draft::Draft(const State& state, std::string actor, const base::Now& now)
    : state_(state),
      actor_(std::move(actor)),
      time_(std::max(now.wall, state.last_event_time())),
      last_ticket_number_(state.last_ticket_number()) {}

void Draft::Archive(pb::Event& event, int64_t number) {
  StoreRow& row = store_.emplace_back();
  row.revision = event.revision();
  row.space = StoreRow::Space::kTicket;
  row.key = StoreKey(number);
  row.value = FindTicket(number)->SerializeAsString();
  Erase<tables::Tickets>(event, number);
}

void Draft::FillFacets(const FacetView& view, pb::RecordFacets* facets) {
  if (view.labels != nullptr) *facets->mutable_labels() = *view.labels;
  facets->set_ticket_state(view.ticket_state);
  facets->set_agent_state(view.agent_state);
  if (view.holder != nullptr) facets->set_holder_agent_id(*view.holder);
  if (view.assignee != nullptr) facets->set_assignee_agent_id(*view.assignee);
}

void Draft::ForEachChild(int64_t number, const std::function<bool(const pb::Ticket&)>& fn) const {
  const auto& tickets = changed_.of<tables::Tickets>();
  const auto edges = children_.find(number);
  const auto& known = state_.records().tickets_by_parent;
  for (auto child = known.LowerBound(std::pair(number, int64_t{0}));
       child.Valid() && child.key().first == number; child.Next()) {
    const int64_t child_number = child.key().second;
    if (edges != children_.end() && edges->second.lost.contains(child_number)) continue;
    const auto changed = tickets.find(child_number);
    if (!fn(changed != tickets.end() ? *changed->second : *child)) return;
  }
  if (edges == children_.end()) return;
  for (const int64_t child_number : edges->second.gained) {
    if (!fn(*FindTicket(child_number))) return;
  }
}

std::vector<int64_t> Draft::ChildrenOf(int64_t number) const {
  std::vector<int64_t> children;
  ForEachChild(number, [&](const pb::Ticket& child) {
    children.push_back(TicketNumber(child.ticket_id()));
    return true;
  });
  std::sort(children.begin(), children.end());
  return children;
}

bool Draft::HasUnfinishedChild(int64_t number) const {
  const auto& tickets = changed_.of<tables::Tickets>();
  const auto edges = children_.find(number);
  const auto& known = state_.records().unfinished_children;
  for (auto child = known.LowerBound(std::pair(number, int64_t{0}));
       child.Valid() && child.key().first == number; child.Next()) {
    const int64_t child_number = child.key().second;
    if (edges != children_.end() && edges->second.lost.contains(child_number)) continue;
    const auto changed = tickets.find(child_number);
    if (changed == tickets.end() || !IsFinished(changed->second->state())) return true;
  }
  // Those that became children, or unfinished again, in this draft.
  return std::any_of(tickets.begin(), tickets.end(), [number](const auto& changed) {
    const pb::Ticket& ticket = *changed.second;
    return !ticket.parent_ticket_id().empty() && !IsFinished(ticket.state()) &&
           TicketNumber(ticket.parent_ticket_id()) == number;
  });
}

std::vector<int64_t> Draft::DependentsOf(int64_t number) const {
  const State::NumberSet& known = state_.DependentsOf(number);
  const auto edges = dependents_.find(number);
  if (edges == dependents_.end()) return {known.begin(), known.end()};
  State::NumberSet dependents = known;
  for (const int64_t lost : edges->second.lost) dependents.erase(lost);
  dependents.insert(edges->second.gained.begin(), edges->second.gained.end());
  return {dependents.begin(), dependents.end()};
}

void Draft::IndexEdges(int64_t number, const pb::Ticket* before, const pb::Ticket& after) {
  if (before != nullptr && before->parent_ticket_id() == after.parent_ticket_id() &&
      SameDependencies(*before, after)) {
    return;
  }
  const auto gain = [number](EdgesByEnd& edges, const std::string& end) {
    if (end.empty()) return;
    Edges& at_end = edges[TicketNumber(end)];
    if (at_end.lost.erase(number) == 0) at_end.gained.insert(number);
  };
  const auto lose = [number](EdgesByEnd& edges, const std::string& end) {
    if (end.empty()) return;
    Edges& at_end = edges[TicketNumber(end)];
    if (at_end.gained.erase(number) == 0) at_end.lost.insert(number);
  };
  if (before != nullptr) {
    for (const auto& dependency : before->dependencies()) lose(dependents_, dependency.ticket_id());
    lose(children_, before->parent_ticket_id());
  }
  for (const auto& dependency : after.dependencies()) gain(dependents_, dependency.ticket_id());
  gain(children_, after.parent_ticket_id());
}

pb::Event& Draft::Add(pb::EventKind kind, std::string_view reason) {
  auto event = std::make_shared<pb::Event>();
  event->set_revision(next_revision());
  *event->mutable_event_time() = ToProto(time_);
  event->set_kind(kind);
  event->set_actor(actor_);
  event->set_reason(std::string(reason));
  events_.push_back(std::move(event));
  return *events_.back();
}

std::vector<std::shared_ptr<const pb::Event>> Draft::Finish() && {
  for (const auto& event : events_) event->set_commit_revision(next_revision() - 1);
  return {std::make_move_iterator(events_.begin()), std::make_move_iterator(events_.end())};
}

}  // namespace coordhub::core
