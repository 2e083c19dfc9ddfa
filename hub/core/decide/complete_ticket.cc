#include <utility>

#include "agent/base/status_macros.h"
#include "hub/core/decide/blocking.h"
#include "hub/core/decide/commands.h"
#include "hub/core/decide/requeue.h"
#include "hub/core/decide/rights.h"

namespace coordhub::core {

absl::Status DecideCommand(Context& context, const pb::CompleteTicketRequest& request) {
  COORDHUB_ASSIGN_OR_RETURN(
      const pb::Ticket* ticket,
      RequireClaim(context, request.ticket_id(), request.fence(), "complete a ticket"));
  pb::Ticket done = *ticket;
  done.set_state(pb::Ticket::STATE_DONE);
  done.clear_claim();
  pb::Outcome& outcome = *done.mutable_outcome();
  outcome = OutcomeNow(context, context.draft.actor(), "");
  outcome.set_commit(request.commit());
  outcome.set_summary(request.summary());
  ChangeTicket(context.draft, pb::EVENT_KIND_TICKET_COMPLETED, std::move(done));
  return absl::OkStatus();
}

}  // namespace coordhub::core
