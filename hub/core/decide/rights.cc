#include "hub/core/decide/rights.h"

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/mutant.h"
#include "agent/base/status_macros.h"
#include "hub/core/decide/refusals.h"
#include "hub/core/records.h"

namespace coordhub::core {

bool IsTrusted(const Caller& caller) {
  switch (caller.kind()) {
    case Caller::Kind::kOperator:
    case Caller::Kind::kHub:
      return true;
    case Caller::Kind::kObserver:
    case Caller::Kind::kAgent:
    case Caller::Kind::kFile:
      break;
  }
  return false;
}

absl::StatusOr<const pb::Ticket*> RequireTicket(const Context& context,
                                                const std::string& ticket_id) {
  const pb::Ticket* ticket = context.draft.FindTicket(TicketNumber(ticket_id));
  if (ticket != nullptr) return ticket;
  return context.state.records().IsArchived(TicketNumber(ticket_id)) ? TicketArchived(ticket_id)
                                                                     : TicketNotFound(ticket_id);
}

absl::Status RequireOwner(const Context& context, const pb::Ticket& ticket) {
  if (IsTrusted(context.caller)) return absl::OkStatus();
  if (context.self != nullptr && (ticket.creator() == context.self->agent_id() ||
                                  ticket.claim().agent_id() == context.self->agent_id())) {
    return absl::OkStatus();
  }
  return NotTicketOwner(ticket);
}

absl::Status CompareFence(const pb::Ticket& ticket, int64_t fence) {
  if (fence > ticket.last_fence()) {
    return base::MakeFieldError("fence",
                                absl::StrCat("was never granted for ", ticket.ticket_id()));
  }
  if (ticket.has_claim() && ticket.claim().fence() == fence) return absl::OkStatus();
  return ClaimSuperseded(ticket, fence);
}

absl::Status CheckFence(const pb::Ticket& ticket, std::string_view agent_id, int64_t fence) {
  if (base::MutantActive("fence_not_checked") && ticket.has_claim()) return absl::OkStatus();
  COORDHUB_RETURN_IF_ERROR(CompareFence(ticket, fence));
  if (ticket.claim().agent_id() == agent_id) return absl::OkStatus();
  return ClaimSuperseded(ticket, fence);
}

absl::StatusOr<const pb::Ticket*> RequireClaim(const Context& context, const std::string& ticket_id,
                                               int64_t fence, std::string_view deed) {
  COORDHUB_ASSIGN_OR_RETURN(const pb::Ticket* ticket, RequireTicket(context, ticket_id));
  if (context.self == nullptr) return SessionRequired(deed);
  COORDHUB_RETURN_IF_ERROR(CheckFence(*ticket, context.self->agent_id(), fence));
  return ticket;
}

}  // namespace coordhub::core
