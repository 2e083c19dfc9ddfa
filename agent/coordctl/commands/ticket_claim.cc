#include "agent/base/status_macros.h"
#include "agent/client/proto_time.h"
#include "agent/coordctl/commands/claim_output.h"
#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/time_text.h"

namespace coordhub::coordctl {
namespace {

struct Options {
  std::string ticket;
  std::string claim_timeout;
  bool exports = false;
};

absl::StatusOr<ExitCode> Claim(Context& context, const Options& options) {
  pb::ClaimTicketRequest request;
  request.set_ticket_id(options.ticket);
  if (!options.claim_timeout.empty()) {
    COORDHUB_ASSIGN_OR_RETURN(const absl::Duration timeout,
                              ParseDuration(options.claim_timeout, "--claim-timeout"));
    *request.mutable_claim_timeout() = agent::ToProto(timeout);
  }
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.Connect());
  COORDHUB_ASSIGN_OR_RETURN(const pb::ClaimTicketResponse response, client.ClaimTicket(request));
  PrintClaimed(context, response, response.ticket(), response.body(), options.exports);
  return ExitCode::kOk;
}

}  // namespace

void AddTicketClaim(CLI::App* ticket, Context* context) {
  CLI::App* command = AddCommand(ticket, "claim", "Claim this very ticket",
                                 "coordctl ticket claim T-17\n"
                                 "WORK=$(coordctl ticket claim T-17 --export) && eval \"$WORK\"");
  auto options = std::make_shared<Options>();
  TakeTicketIds(command->add_option("TICKET", options->ticket, "The ticket"))->required();
  command->add_option("--claim-timeout", options->claim_timeout,
                      "Free the ticket after this time unless `ticket renew` comes; 1s to 168h");
  command->add_flag("--export", options->exports,
                    "Print only shell lines that set COORDHUB_TICKET and COORDHUB_FENCE");
  AddRequestId(command, context);
  OnRun(command, context, [options](Context& c) { return Claim(c, *options); });
}

}  // namespace coordhub::coordctl
