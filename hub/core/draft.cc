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

std::vector<int64_t> Draft::ChildrenOf(int64_t number, size_t max) const {
  std::vector<int64_t> children = GainedBy(children_, number, max);
  const auto& known = state_.records().tickets_by_parent;
  for (auto child = known.LowerBound(std::pair(number, int64_t{0}));
       child.Valid() && child.key().first == number && children.size() < max; child.Next()) {
    if (!Lost(children_, number, child.key().second)) children.push_back(child.key().second);
  }
  return children;
}

bool Draft::HasUnfinishedChild(int64_t number) const {
  if (!GainedBy(unfinished_children_, number, 1).empty()) return true;
  const auto& known = state_.records().unfinished_children;
  for (auto child = known.LowerBound(std::pair(number, int64_t{0}));
       child.Valid() && child.key().first == number; child.Next()) {
    if (!Lost(unfinished_children_, number, child.key().second)) return true;
  }
  return false;
}

std::vector<int64_t> Draft::DependentsOf(int64_t number, size_t max) const {
  std::vector<int64_t> dependents = GainedBy(dependents_, number, max);
  const DependentsIndex::Dependents& known = state_.DependentsOf(number);
  for (const State::NumberSet* part : {&known.unfinished, &known.finished}) {
    for (auto it = part->begin(); it != part->end() && dependents.size() < max; ++it) {
      if (!Lost(dependents_, number, *it)) dependents.push_back(*it);
    }
  }
  return dependents;
}

std::vector<int64_t> Draft::GainedBy(const EdgesByEnd& edges, int64_t end, size_t max) {
  const auto it = edges.find(end);
  if (it == edges.end()) return {};
  const absl::btree_set<int64_t>& gained = it->second.gained;
  std::vector<int64_t> numbers;
  for (auto number = gained.begin(); number != gained.end() && numbers.size() < max; ++number) {
    numbers.push_back(*number);
  }
  return numbers;
}

bool Draft::Lost(const EdgesByEnd& edges, int64_t end, int64_t number) {
  const auto it = edges.find(end);
  return it != edges.end() && it->second.lost.contains(number);
}

void Draft::IndexEdges(int64_t number, const pb::Ticket* before, const pb::Ticket& after) {
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
  const bool was_unfinished = before != nullptr && !IsFinished(before->state());
  const bool is_unfinished = !IsFinished(after.state());
  const bool same_parent =
      before != nullptr && before->parent_ticket_id() == after.parent_ticket_id();
  if (!same_parent || was_unfinished != is_unfinished) {
    if (was_unfinished) lose(unfinished_children_, before->parent_ticket_id());
    if (is_unfinished) gain(unfinished_children_, after.parent_ticket_id());
  }
  if (!same_parent) {
    if (before != nullptr) lose(children_, before->parent_ticket_id());
    gain(children_, after.parent_ticket_id());
  }
  if (before != nullptr && SameDependencies(*before, after)) return;
  if (before != nullptr) {
    for (const auto& dependency : before->dependencies()) lose(dependents_, dependency.ticket_id());
  }
  for (const auto& dependency : after.dependencies()) gain(dependents_, dependency.ticket_id());
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
