#include "agent/base/mutant.h"
#include "agent/base/status_macros.h"
#include "hub/core/decide/commands.h"
#include "hub/core/decide/refusals.h"
#include "hub/core/decide/requeue.h"
#include "hub/core/decide/rights.h"

namespace coordhub::core {
namespace {

// The ticket whose claim the operator takes away.
absl::StatusOr<const pb::Ticket*> RequireForced(const Context& context,
                                                const pb::ReleaseTicketRequest& request) {
  COORDHUB_ASSIGN_OR_RETURN(const pb::Ticket* ticket, RequireTicket(context, request.ticket_id()));
  if (!IsTrusted(context.caller)) return OperatorRequired("force the release of a claim");
  if (ticket->state() != pb::Ticket::STATE_CLAIMED) return WrongTicketState(*ticket, "released");
  // Whoever states one means this very claim, and not one that came after it.
  if (request.fence() != 0 && !base::MutantActive("fence_not_compared")) {
    COORDHUB_RETURN_IF_ERROR(CompareFence(*ticket, request.fence()));
  }
  return ticket;
}

}  // namespace

absl::Status DecideCommand(Context& context, const pb::ReleaseTicketRequest& request) {
  COORDHUB_ASSIGN_OR_RETURN(const pb::Ticket* ticket,
                            request.force()
                                ? RequireForced(context, request)
                                : RequireClaim(context, request.ticket_id(), request.fence(),
                                               "release a claim without force"));
  GiveClaimBack(context, *ticket, request.reason());
  return absl::OkStatus();
}

}  // namespace coordhub::core
