#include <ostream>

#include "agent/base/status_macros.h"
#include "agent/client/proto_time.h"
#include "agent/coordctl/commands/claim_options.h"
#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/time_text.h"

namespace coordhub::coordctl {
namespace {

absl::StatusOr<ExitCode> Renew(Context& context, const ClaimOptions& options) {
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.Connect());
  COORDHUB_ASSIGN_OR_RETURN(const ClaimRef claim, options.Resolve(context, client));
  pb::RenewClaimRequest request;
  request.set_ticket_id(claim.ticket_id);
  request.set_fence(claim.fence);
  COORDHUB_ASSIGN_OR_RETURN(const pb::RenewClaimResponse response, client.RenewClaim(request));
  PrintTicketAnswer(context, response, response.ticket());
  if (context.terminal() && response.has_expires_in()) {
    context.out() << "Yours for another " << ShowSpan(agent::FromProto(response.expires_in()))
                  << "\n";
  }
  return ExitCode::kOk;
}

}  // namespace

void AddTicketRenew(CLI::App* ticket, Context* context) {
  CLI::App* command =
      AddCommand(ticket, "renew", "Extend a claim that was made with --claim-timeout",
                 "coordctl ticket renew T-17\n"
                 "coordctl ticket renew --fence 42 T-17");
  auto options = std::make_shared<ClaimOptions>();
  options->AddTo(command);
  OnRun(command, context, [options](Context& c) { return Renew(c, *options); });
}

}  // namespace coordhub::coordctl
