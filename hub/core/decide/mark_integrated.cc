#include <utility>

#include "agent/base/status_macros.h"
#include "hub/core/decide/blocking.h"
#include "hub/core/decide/commands.h"
#include "hub/core/decide/integrated_tickets.h"
#include "hub/core/decide/operations.h"

namespace coordhub::core {

void MarkTickets(Context& context, const std::string& target,
                 const std::vector<IntegratedTicket>& tickets) {
  for (const IntegratedTicket& integrated : tickets) {
    const pb::Ticket* known = context.draft.FindTicket(integrated.number);
    if (known == nullptr || known->state() != pb::Ticket::STATE_DONE || known->has_integration()) {
      continue;
    }
    pb::Ticket ticket = *known;
    pb::Integration& integration = *ticket.mutable_integration();
    integration.set_target(target);
    integration.set_commit(integrated.commit);
    integration.set_revision(context.draft.next_revision());
    ChangeTicket(context.draft, pb::EVENT_KIND_TICKET_INTEGRATED, std::move(ticket));
  }
}

absl::Status DecideCommand(Context& context, const MarkIntegrated& command) {
  COORDHUB_RETURN_IF_ERROR(RequireHub(context, "say what is integrated"));
  MarkTickets(context, command.target, command.tickets);
  return absl::OkStatus();
}

}  // namespace coordhub::core
