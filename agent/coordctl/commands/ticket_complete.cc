#include <ostream>

#include "absl/strings/str_join.h"
#include "agent/base/status_macros.h"
#include "agent/coordctl/commands/claim_options.h"
#include "agent/coordctl/commands/commands.h"

namespace coordhub::coordctl {
namespace {

struct Options {
  ClaimOptions claim;
  std::string commit;
  std::string summary;
};

absl::StatusOr<ExitCode> Complete(Context& context, const Options& options) {
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.Connect());
  COORDHUB_ASSIGN_OR_RETURN(const ClaimRef claim, options.claim.Resolve(context, client));
  pb::CompleteTicketRequest request;
  request.set_ticket_id(claim.ticket_id);
  request.set_fence(claim.fence);
  request.set_commit(options.commit);
  request.set_summary(options.summary);
  COORDHUB_ASSIGN_OR_RETURN(const pb::CompleteTicketResponse response,
                            client.CompleteTicket(request));
  PrintTicketAnswer(context, response, response.ticket());
  if (context.terminal() && response.unblocked_ticket_ids_size() > 0) {
    context.out() << "Ready now: " << absl::StrJoin(response.unblocked_ticket_ids(), ", ") << "\n";
  }
  return ExitCode::kOk;
}

}  // namespace

void AddTicketComplete(CLI::App* ticket, Context* context) {
  CLI::App* command = AddCommand(ticket, "complete", "End a claim: the work is done",
                                 "coordctl ticket complete T-17 --summary \"Parser reads 2 GB/s\" "
                                 "--commit $(git rev-parse HEAD)\n"
                                 "coordctl ticket complete");
  auto options = std::make_shared<Options>();
  options->claim.AddTo(command);
  command->add_option("--commit", options->commit, "The commit that holds the work, in hex");
  command->add_option("--summary,-m", options->summary, "What was done, up to 4 KiB");
  AddRequestId(command, context);
  OnRun(command, context, [options](Context& c) { return Complete(c, *options); });
}

}  // namespace coordhub::coordctl
