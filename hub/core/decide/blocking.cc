#include "hub/core/decide/blocking.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "agent/base/mutant.h"
#include "hub/core/records.h"

namespace coordhub::core {
namespace {

// Moves one ticket between OPEN and BLOCKED if its blockers say so. That meets nobody's dependency
// and finishes nobody's child, so it goes no further.
void MoveInQueue(Draft& draft, int64_t number) {
  const pb::Ticket* ticket = draft.FindTicket(number);
  if (ticket == nullptr ||
      (ticket->state() != pb::Ticket::STATE_OPEN && ticket->state() != pb::Ticket::STATE_BLOCKED)) {
    return;
  }
  const pb::Ticket::State state = QueueState(draft, *ticket);
  if (state == ticket->state()) return;
  pb::Ticket moved = *ticket;
  moved.set_state(state);
  draft.Put(draft.Add(state == pb::Ticket::STATE_OPEN ? pb::EVENT_KIND_TICKET_UNBLOCKED
                                                      : pb::EVENT_KIND_TICKET_BLOCKED),
            std::move(moved));
}

// Whether what a ticket offers its dependents is another than before.
bool MeetsDifferently(const pb::Ticket* before, const pb::Ticket& after) {
  if (before == nullptr) return false;
  return (before->state() == pb::Ticket::STATE_DONE) != (after.state() == pb::Ticket::STATE_DONE) ||
         before->has_integration() != after.has_integration();
}

// The parent that the ticket keeps BLOCKED; 0: none.
int64_t BlockedParentOf(const pb::Ticket* ticket) {
  if (ticket == nullptr || IsFinished(ticket->state())) return 0;
  return TicketNumber(ticket->parent_ticket_id());
}

// Adds the tickets whose blockers are perhaps others since `number` changed: itself, those that
// depend on it, its parents of before and now.
void AddAffected(const Draft& draft, int64_t number, std::vector<int64_t>* affected) {
  const pb::Ticket* before = draft.state().FindTicket(number);
  const pb::Ticket* after = draft.FindTicket(number);
  if (after == nullptr) return;
  affected->push_back(number);
  if (MeetsDifferently(before, *after)) {
    // Those that began to depend on it in this draft were touched themselves.
    const State::NumberSet& dependents = draft.state().DependentsOf(number).unfinished;
    affected->insert(affected->end(), dependents.begin(), dependents.end());
  }
  const int64_t parent_before = BlockedParentOf(before);
  const int64_t parent_after = BlockedParentOf(after);
  if (parent_before == parent_after) return;
  affected->push_back(parent_before);
  affected->push_back(parent_after);
}

}  // namespace

bool HasBlockers(const Draft& draft, const pb::Ticket& ticket) {
  if (base::MutantActive("dependency_ignored")) return false;
  for (const pb::Dependency& dependency : ticket.dependencies()) {
    // One that is not there yet is made later in this commit, and so is unmet.
    const pb::Ticket* target = draft.FindTicket(TicketNumber(dependency.ticket_id()));
    if (!IsMet(draft.state().records(), dependency, target)) return true;
  }
  return draft.HasUnfinishedChild(TicketNumber(ticket.ticket_id()));
}

pb::Ticket::State QueueState(const Draft& draft, const pb::Ticket& ticket) {
  return HasBlockers(draft, ticket) ? pb::Ticket::STATE_BLOCKED : pb::Ticket::STATE_OPEN;
}

pb::Event& ChangeTicket(Draft& draft, pb::EventKind kind, pb::Ticket ticket,
                        std::string_view reason) {
  pb::Event& event = draft.Add(kind, reason);
  draft.Put(event, std::move(ticket));
  return event;
}

void MoveBetweenOpenAndBlocked(Draft& draft) {
  std::vector<int64_t> affected;
  for (const int64_t number : draft.Touched<tables::Tickets>()) {
    AddAffected(draft, number, &affected);
  }
  std::sort(affected.begin(), affected.end());
  affected.erase(std::unique(affected.begin(), affected.end()), affected.end());
  for (const int64_t number : affected) MoveInQueue(draft, number);
}

}  // namespace coordhub::core
