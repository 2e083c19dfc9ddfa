#include "hub/core/decide/commands.h"
#include "hub/core/decide/requeue.h"

namespace coordhub::core {

absl::Status DecideCommand(Context& context, const ExpireClaim& command) {
  const pb::Ticket* ticket = context.state.FindTicket(command.ticket_number);
  // Its holder was done with it meanwhile, and perhaps another has claimed it.
  if (ticket == nullptr || !ticket->has_claim() || ticket->claim().fence() != command.fence) {
    return absl::OkStatus();
  }
  LoseClaim(context, *ticket, "not renewed within its claim_timeout");
  return absl::OkStatus();
}

}  // namespace coordhub::core
