#include <string>
#include <utility>

#include "agent/base/status_macros.h"
#include "hub/core/decide/blocking.h"
#include "hub/core/decide/commands.h"
#include "hub/core/decide/cycles.h"
#include "hub/core/decide/ticket_spec.h"
#include "hub/core/records.h"

namespace coordhub::core {

absl::Status DecideCommand(Context& context, const pb::CreateTicketRequest& request) {
  const pb::TicketSpec& spec = request.spec();
  COORDHUB_RETURN_IF_ERROR(RequireReferences(context, spec));
  COORDHUB_RETURN_IF_ERROR(RequireRoomForTickets(context, 1));

  Draft& draft = context.draft;
  const int64_t number = draft.NewTicketNumber();
  pb::Ticket ticket = MakeTicket(context, number, spec);
  const std::string ticket_id = ticket.ticket_id();
  pb::Event& event = ChangeTicket(draft, pb::EVENT_KIND_TICKET_CREATED, std::move(ticket));
  PutBody(context, event, ticket_id, /*before=*/nullptr, spec.body());

  COORDHUB_RETURN_IF_ERROR(CheckCycles(draft, {number}, [&](int64_t member) {
    return member == number ? std::string("(the new ticket)") : TicketId(member);
  }));
  return CheckParentDepth(draft, number);
}

}  // namespace coordhub::core
