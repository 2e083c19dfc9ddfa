#include "agent/base/status_macros.h"
#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/ticket_ref.h"

namespace coordhub::coordctl {
namespace {

struct Options {
  std::string ticket;
  std::string reason;
};

absl::StatusOr<ExitCode> Reopen(Context& context, const Options& options) {
  pb::ReopenTicketRequest request;
  COORDHUB_ASSIGN_OR_RETURN(*request.mutable_ticket_id(), ResolveTicket(context, options.ticket));
  request.set_reason(options.reason);
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.Connect());
  COORDHUB_ASSIGN_OR_RETURN(const pb::ReopenTicketResponse response, client.ReopenTicket(request));
  PrintTicketAnswer(context, response, response.ticket());
  return ExitCode::kOk;
}

}  // namespace

void AddTicketReopen(CLI::App* ticket, Context* context) {
  CLI::App* command =
      AddCommand(ticket, "reopen", "Put a finished or buried ticket back into the queue",
                 "coordctl ticket reopen T-17 --reason \"the fix was reverted\"");
  auto options = std::make_shared<Options>();
  TakeTicketIds(command->add_option("TICKET", options->ticket, "Default: $COORDHUB_TICKET"));
  command->add_option("--reason,-m", options->reason, "Why, up to 4 KiB");
  AddRequestId(command, context);
  OnRun(command, context, [options](Context& c) { return Reopen(c, *options); });
}

}  // namespace coordhub::coordctl
