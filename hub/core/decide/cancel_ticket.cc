#include <utility>

#include "agent/base/status_macros.h"
#include "hub/core/decide/blocking.h"
#include "hub/core/decide/commands.h"
#include "hub/core/decide/refusals.h"
#include "hub/core/decide/requeue.h"
#include "hub/core/decide/rights.h"
#include "hub/core/records.h"

namespace coordhub::core {

absl::Status DecideCommand(Context& context, const pb::CancelTicketRequest& request) {
  COORDHUB_ASSIGN_OR_RETURN(const pb::Ticket* ticket, RequireTicket(context, request.ticket_id()));
  COORDHUB_RETURN_IF_ERROR(RequireOwner(context, *ticket));
  if (IsFinished(ticket->state())) return WrongTicketState(*ticket, "cancelled");
  pb::Ticket cancelled = *ticket;
  cancelled.set_state(pb::Ticket::STATE_CANCELLED);
  cancelled.clear_claim();
  *cancelled.mutable_outcome() = OutcomeNow(context, context.draft.actor(), request.reason());
  ChangeTicket(context.draft, pb::EVENT_KIND_TICKET_CANCELLED, std::move(cancelled),
               request.reason());
  return absl::OkStatus();
}

}  // namespace coordhub::core
