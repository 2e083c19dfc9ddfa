#include "agent/base/status_macros.h"
#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/ticket_ref.h"

namespace coordhub::coordctl {
namespace {

struct Options {
  std::string ticket;
  std::string reason;
};

absl::StatusOr<ExitCode> Cancel(Context& context, const Options& options) {
  pb::CancelTicketRequest request;
  COORDHUB_ASSIGN_OR_RETURN(*request.mutable_ticket_id(), ResolveTicket(context, options.ticket));
  request.set_reason(options.reason);
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.Connect());
  COORDHUB_ASSIGN_OR_RETURN(const pb::CancelTicketResponse response, client.CancelTicket(request));
  PrintTicketAnswer(context, response, response.ticket());
  return ExitCode::kOk;
}

}  // namespace

void AddTicketCancel(CLI::App* ticket, Context* context) {
  CLI::App* command =
      AddCommand(ticket, "cancel", "Cancel a ticket; a claim on it is revoked at once",
                 "coordctl ticket cancel T-17 --reason \"superseded by T-20\"");
  auto options = std::make_shared<Options>();
  TakeTicketIds(command->add_option("TICKET", options->ticket, "Default: $COORDHUB_TICKET"));
  command->add_option("--reason,-m", options->reason, "Why, up to 4 KiB");
  AddRequestId(command, context);
  OnRun(command, context, [options](Context& c) { return Cancel(c, *options); });
}

}  // namespace coordhub::coordctl
