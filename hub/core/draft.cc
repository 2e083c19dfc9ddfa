#include "hub/core/draft.h"

#include <algorithm>
#include <utility>

#include "hub/core/proto_time.h"
#include "hub/core/records.h"

namespace coordhub::core {
namespace {

void FillFacets(const pb::Ticket& ticket, pb::RecordFacets* facets) {
  *facets->mutable_labels() = ticket.labels();
  facets->set_ticket_state(ticket.state());
  facets->set_holder_agent_id(ticket.claim().agent_id());
  facets->set_assignee_agent_id(ticket.assignee_agent_id());
}

void FillFacets(const pb::Agent& agent, pb::RecordFacets* facets) {
  *facets->mutable_labels() = agent.labels();
  facets->set_agent_state(agent.state());
}

// Who filters for an agent sees what happens to its branch.
void FillFacets(const pb::Branch& branch, pb::RecordFacets* facets) {
  facets->set_holder_agent_id(branch.owner_agent_id());
}

}  // namespace

Draft::Draft(const State& state, std::string actor, const base::Now& now)
    : state_(state),
      actor_(std::move(actor)),
      time_(std::max(now.wall, state.last_event_time())),
      last_ticket_number_(state.last_ticket_number()) {}

const pb::Ticket* Draft::FindTicket(int64_t number) const {
  const auto changed = tickets_.find(number);
  return changed != tickets_.end() ? changed->second : state_.FindTicket(number);
}

const pb::Agent* Draft::FindAgent(std::string_view agent_id) const {
  const auto changed = agents_.find(std::string(agent_id));
  return changed != agents_.end() ? changed->second : state_.FindAgent(agent_id);
}

const pb::Branch* Draft::FindBranch(std::string_view name) const {
  const auto changed = branches_.find(std::string(name));
  return changed != branches_.end() ? changed->second : state_.records().FindBranch(name);
}

void Draft::ForEachChild(int64_t number, const std::function<bool(const pb::Ticket&)>& fn) const {
  const auto edges = children_.find(number);
  const auto& known = state_.records().tickets_by_parent;
  for (auto child = known.LowerBound(std::pair(number, int64_t{0}));
       child.Valid() && child.key().first == number; child.Next()) {
    const int64_t child_number = child.key().second;
    if (edges != children_.end() && edges->second.lost.contains(child_number)) continue;
    const auto changed = tickets_.find(child_number);
    if (!fn(changed != tickets_.end() ? *changed->second : *child)) return;
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
  const auto edges = children_.find(number);
  const auto& known = state_.records().unfinished_children;
  for (auto child = known.LowerBound(std::pair(number, int64_t{0}));
       child.Valid() && child.key().first == number; child.Next()) {
    const int64_t child_number = child.key().second;
    if (edges != children_.end() && edges->second.lost.contains(child_number)) continue;
    const auto changed = tickets_.find(child_number);
    if (changed == tickets_.end() || !IsFinished(changed->second->state())) return true;
  }
  // Those that became children, or unfinished again, in this draft.
  return std::any_of(tickets_.begin(), tickets_.end(), [number](const auto& changed) {
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

void Draft::Put(pb::Event& event, pb::Ticket ticket) {
  const int64_t number = TicketNumber(ticket.ticket_id());
  const pb::Ticket* before = FindTicket(number);
  pb::RecordChange& change = *event.add_changes();
  if (before == nullptr) {
    ticket.set_create_revision(event.revision());
    *ticket.mutable_create_time() = event.event_time();
  } else {
    FillFacets(*before, change.mutable_previous());
  }
  ticket.set_mod_revision(event.revision());
  *ticket.mutable_update_time() = event.event_time();
  IndexEdges(number, before, ticket);
  *change.mutable_ticket() = std::move(ticket);
  tickets_[number] = &change.ticket();
}

void Draft::Put(pb::Event& event, pb::Agent agent) {
  const pb::Agent* before = FindAgent(agent.agent_id());
  pb::RecordChange& change = *event.add_changes();
  if (before == nullptr) {
    agent.set_create_revision(event.revision());
  } else {
    FillFacets(*before, change.mutable_previous());
  }
  agent.set_mod_revision(event.revision());
  *change.mutable_agent() = std::move(agent);
  agents_[change.agent().agent_id()] = &change.agent();
}

void Draft::Put(pb::Event& event, pb::TicketBody body) {
  pb::RecordChange& change = *event.add_changes();
  // Present and empty: the body is not new, and filters look at nothing of it but its ticket's id.
  if (state_.records().bodies.Contains(TicketNumber(body.ticket_id()))) change.mutable_previous();
  *change.mutable_ticket_body() = std::move(body);
}

void Draft::Put(pb::Event& event, pb::Comment comment) {
  comment.set_create_revision(event.revision());
  *comment.mutable_create_time() = event.event_time();
  *event.add_changes()->mutable_comment() = std::move(comment);
}

void Draft::EraseAgent(pb::Event& event, std::string_view agent_id) {
  pb::RecordChange& change = *event.add_changes();
  FillFacets(*FindAgent(agent_id), change.mutable_previous());
  change.mutable_agent()->set_agent_id(std::string(agent_id));
  change.set_erased(true);
  agents_[std::string(agent_id)] = nullptr;
}

void Draft::Put(pb::Event& event, pb::Branch branch) {
  const pb::Branch* before = FindBranch(branch.branch());
  pb::RecordChange& change = *event.add_changes();
  if (before != nullptr) FillFacets(*before, change.mutable_previous());
  branch.set_mod_revision(event.revision());
  *change.mutable_branch() = std::move(branch);
  branches_[change.branch().branch()] = &change.branch();
}

void Draft::EraseBranch(pb::Event& event, std::string_view name) {
  pb::RecordChange& change = *event.add_changes();
  FillFacets(*FindBranch(name), change.mutable_previous());
  change.mutable_branch()->set_branch(std::string(name));
  change.set_erased(true);
  branches_[std::string(name)] = nullptr;
}

std::vector<std::shared_ptr<const pb::Event>> Draft::Finish() && {
  for (const auto& event : events_) event->set_commit_revision(next_revision() - 1);
  return {std::make_move_iterator(events_.begin()), std::make_move_iterator(events_.end())};
}

}  // namespace coordhub::core
