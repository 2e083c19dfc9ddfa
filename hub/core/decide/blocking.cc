#include "hub/core/decide/blocking.h"

#include <string>
#include <utility>

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
  const int64_t number = TicketNumber(ticket.ticket_id());
  const pb::Ticket* before = draft.FindTicket(number);
  pb::Event& event = draft.Add(kind, reason);
  draft.Put(event, std::move(ticket));
  MoveWaiters(draft, before, number);
  return event;
}

void MoveWaiters(Draft& draft, const pb::Ticket* before, int64_t number) {
  const pb::Ticket& after = *draft.FindTicket(number);
  if (MeetsDifferently(before, after)) {
    for (const int64_t dependent : draft.DependentsOf(number)) MoveInQueue(draft, dependent);
  }
  const bool blocked_parent = before != nullptr && !IsFinished(before->state());
  const std::string old_parent = before != nullptr ? before->parent_ticket_id() : std::string();
  if (old_parent != after.parent_ticket_id()) {
    MoveInQueue(draft, TicketNumber(old_parent));
    MoveInQueue(draft, TicketNumber(after.parent_ticket_id()));
  } else if (blocked_parent != !IsFinished(after.state())) {
    MoveInQueue(draft, TicketNumber(old_parent));
  }
}

}  // namespace coordhub::core
