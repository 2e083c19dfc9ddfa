#include "agent/base/status_macros.h"
#include "agent/coordctl/commands/claim_options.h"
#include "agent/coordctl/commands/commands.h"

namespace coordhub::coordctl {
namespace {

struct Options {
  ClaimOptions claim;
  std::string reason;
  bool force = false;
};

absl::StatusOr<ExitCode> Release(Context& context, const Options& options) {
  pb::ReleaseTicketRequest request;
  request.set_reason(options.reason);
  request.set_force(options.force);
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.Connect());
  if (options.force) {
    COORDHUB_ASSIGN_OR_RETURN(*request.mutable_ticket_id(),
                              ResolveTicket(context, options.claim.ticket));
    // Whoever holds it; but one that is stated is compared.
    COORDHUB_ASSIGN_OR_RETURN(const int64_t fence,
                              StatedFence(context, request.ticket_id(), options.claim.fence));
    request.set_fence(fence);
  } else {
    COORDHUB_ASSIGN_OR_RETURN(const ClaimRef claim, options.claim.Resolve(context, client));
    request.set_ticket_id(claim.ticket_id);
    request.set_fence(claim.fence);
  }
  COORDHUB_ASSIGN_OR_RETURN(const pb::ReleaseTicketResponse response,
                            client.ReleaseTicket(request));
  PrintTicketAnswer(context, response, response.ticket());
  return ExitCode::kOk;
}

}  // namespace

void AddTicketRelease(CLI::App* ticket, Context* context) {
  CLI::App* command = AddCommand(ticket, "release", "Give a claim back; the attempt does not count",
                                 "coordctl ticket release T-17 --reason \"out of time\"\n"
                                 "coordctl --as operator ticket release T-17 --force");
  auto options = std::make_shared<Options>();
  options->claim.AddTo(command);
  command->add_option("--reason,-m", options->reason, "Why, up to 4 KiB");
  command->add_flag("--force", options->force, "The operator's: whoever holds it");
  AddRequestId(command, context);
  OnRun(command, context, [options](Context& c) { return Release(c, *options); });
}

}  // namespace coordhub::coordctl
