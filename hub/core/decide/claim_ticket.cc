#include <algorithm>

#include "absl/time/time.h"
#include "agent/base/mutant.h"
#include "agent/base/status_macros.h"
#include "hub/core/decide/claiming.h"
#include "hub/core/decide/commands.h"
#include "hub/core/decide/refusals.h"
#include "hub/core/decide/rights.h"
#include "hub/core/proto_time.h"
#include "hub/core/records.h"

namespace coordhub::core {
namespace {

// When a ticket that is not ready is due, as far as that can be told now.
absl::Time DueTime(const Context& context, const pb::Ticket& ticket) {
  absl::Time due = context.now.wall;
  if (ticket.has_not_before()) due = std::max(due, FromProto(ticket.not_before()));
  const auto rested = context.state.ready().Rested(TicketNumber(ticket.ticket_id()));
  if (rested.has_value()) due = std::max(due, context.now.wall + (*rested - context.now.mono));
  return due;
}

// Whether this agent may claim the ticket now.
absl::Status RequireClaimable(const Context& context, const pb::Ticket& ticket) {
  switch (ticket.state()) {
    case pb::Ticket::STATE_OPEN:
      if (!context.state.ready().IsReady(TicketNumber(ticket.ticket_id()))) {
        return TicketNotDue(ticket, DueTime(context, ticket));
      }
      break;
    case pb::Ticket::STATE_CLAIMED:
      return TicketHeld(ticket);
    case pb::Ticket::STATE_BLOCKED:
      if (!base::MutantActive("dependency_ignored")) {
        return TicketHasBlockers(ticket, BlockersOf(context.state.records(), ticket));
      }
      break;
    default:
      return WrongTicketState(ticket, "claimed");
  }
  if (!ticket.assignee_agent_id().empty() &&
      ticket.assignee_agent_id() != context.self->agent_id()) {
    return TicketAssignedElsewhere(ticket);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status DecideCommand(Context& context, const pb::ClaimTicketRequest& request) {
  COORDHUB_ASSIGN_OR_RETURN(const pb::Ticket* ticket, RequireTicket(context, request.ticket_id()));
  if (context.self == nullptr) return SessionRequired("claim tickets");
  COORDHUB_RETURN_IF_ERROR(RequireClaimable(context, *ticket));
  COORDHUB_RETURN_IF_ERROR(RequireRoomForClaim(context));
  GrantClaim(context, *ticket, request.has_claim_timeout() ? &request.claim_timeout() : nullptr);
  return absl::OkStatus();
}

}  // namespace coordhub::core
