#include "agent/base/status_macros.h"
#include "agent/coordctl/commands/claim_options.h"
#include "agent/coordctl/commands/commands.h"

namespace coordhub::coordctl {
namespace {

struct Options {
  ClaimOptions claim;
  std::string note;
  int percent = -1;
};

absl::StatusOr<ExitCode> Progress(Context& context, const Options& options) {
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.Connect());
  COORDHUB_ASSIGN_OR_RETURN(const ClaimRef claim, options.claim.Resolve(context, client));
  pb::UpdateProgressRequest request;
  request.set_ticket_id(claim.ticket_id);
  request.set_fence(claim.fence);
  request.set_note(options.note);
  if (options.percent >= 0) request.set_percent(options.percent);
  COORDHUB_ASSIGN_OR_RETURN(const pb::UpdateProgressResponse response,
                            client.UpdateProgress(request));
  PrintTicketAnswer(context, response, response.ticket());
  return ExitCode::kOk;
}

}  // namespace

void AddTicketProgress(CLI::App* ticket, Context* context) {
  CLI::App* command =
      AddCommand(ticket, "progress", "Note how the work on a ticket gets on",
                 "coordctl ticket progress T-17 --note \"tests are green\" --percent 60\n"
                 "coordctl ticket progress --note \"waiting for CI\"");
  auto options = std::make_shared<Options>();
  options->claim.AddTo(command);
  command->add_option("--note,-m", options->note, "One line, up to 512 bytes");
  command->add_option("--percent", options->percent, "0 to 100")->check(CLI::Range(0, 100));
  OnRun(command, context, [options](Context& c) { return Progress(c, *options); });
}

}  // namespace coordhub::coordctl
