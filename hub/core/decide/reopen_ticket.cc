#include <utility>

#include "agent/base/status_macros.h"
#include "hub/core/decide/blocking.h"
#include "hub/core/decide/commands.h"
#include "hub/core/decide/refusals.h"
#include "hub/core/decide/rights.h"
#include "hub/core/decide/ticket_spec.h"
#include "hub/core/records.h"

namespace coordhub::core {

absl::Status DecideCommand(Context& context, const pb::ReopenTicketRequest& request) {
  COORDHUB_ASSIGN_OR_RETURN(const pb::Ticket* ticket, RequireTicket(context, request.ticket_id()));
  const bool buried = ticket->state() == pb::Ticket::STATE_BURIED;
  if (buried && !IsTrusted(context.caller)) return OperatorRequired("revive a BURIED ticket");
  COORDHUB_RETURN_IF_ERROR(RequireOwner(context, *ticket));
  if (!buried && !IsFinished(ticket->state())) return WrongTicketState(*ticket, "reopened");
  if (!buried) COORDHUB_RETURN_IF_ERROR(RequireRoomForUnfinished(context, *ticket));

  pb::Ticket reopened = *ticket;
  // What was integrated is not what its next holder will make. (The outcome stays until there is
  // another: it tells the next holder what became of the last attempt.)
  reopened.clear_integration();
  // A back-off goes with its attempts; journals of before have it in the time, too. A time without
  // any attempts is what its maker asked for.
  reopened.clear_backoff();
  if (ticket->attempt() > 0) reopened.clear_not_before();
  reopened.set_attempt(0);
  reopened.set_state(QueueState(context.draft, reopened));
  ChangeTicket(context.draft, pb::EVENT_KIND_TICKET_REOPENED, std::move(reopened),
               request.reason());
  return absl::OkStatus();
}

}  // namespace coordhub::core
