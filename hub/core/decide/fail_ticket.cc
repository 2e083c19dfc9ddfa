#include <utility>

#include "agent/base/status_macros.h"
#include "hub/core/decide/blocking.h"
#include "hub/core/decide/commands.h"
#include "hub/core/decide/requeue.h"
#include "hub/core/decide/rights.h"
#include "hub/core/proto_time.h"

namespace coordhub::core {

absl::Status DecideCommand(Context& context, const pb::FailTicketRequest& request) {
  COORDHUB_ASSIGN_OR_RETURN(
      const pb::Ticket* ticket,
      RequireClaim(context, request.ticket_id(), request.fence(), "fail a ticket"));
  if (!request.final()) {
    RetryTicket(context, *ticket,
                request.has_retry_delay() ? FromProto(request.retry_delay())
                                          : BackoffAfterFailure(ticket->attempt()),
                request.reason());
    return absl::OkStatus();
  }
  pb::Ticket failed = *ticket;
  failed.set_state(pb::Ticket::STATE_FAILED);
  failed.clear_claim();
  *failed.mutable_outcome() = OutcomeNow(context, context.draft.actor(), request.reason());
  ChangeTicket(context.draft, pb::EVENT_KIND_TICKET_FAILED, std::move(failed), request.reason());
  return absl::OkStatus();
}

}  // namespace coordhub::core
