// What keeps a ticket from being claimable, and how a change of one ticket reaches those that wait
// for it. BLOCKED is kept in the record: whatever changes a ticket's blockers changes its state in
// the same commit.

#pragma once

#include <cstdint>
#include <string_view>

#include "coordhub/v1/event.pb.h"
#include "coordhub/v1/ticket.pb.h"
#include "hub/core/draft.h"

namespace coordhub::core {

// Whether a ticket with these dependencies, and with the children that the draft knows, has a
// dependency that is not met or a child that is not finished.
bool HasBlockers(const Draft& draft, const v1::Ticket& ticket);

// What an unfinished ticket is while nobody holds it: OPEN or BLOCKED.
v1::Ticket::State QueueState(const Draft& draft, const v1::Ticket& ticket);

// Adds the event that changes (or makes) a ticket. Returns it, for its other records. Those that
// wait for the ticket follow once the decision is complete (derive.h).
v1::Event& ChangeTicket(Draft& draft, v1::EventKind kind, v1::Ticket ticket,
                        std::string_view reason = {});

// Adds TicketUnblocked and TicketBlocked for the tickets whose blockers the draft has changed, by
// number. Tickets in other states stay: a claim is never revoked by a blocker.
void MoveBetweenOpenAndBlocked(Draft& draft);

}  // namespace coordhub::core
