#include <ostream>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "agent/client/proto_time.h"
#include "agent/client/session.h"
#include "agent/coordctl/commands/claim_output.h"
#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/commands/ticket_spec_options.h"
#include "agent/coordctl/json_output.h"
#include "agent/coordctl/time_text.h"

namespace coordhub::coordctl {
namespace {

struct Options {
  std::vector<std::string> labels;
  std::string max_priority;
  std::string wait;
  std::string claim_timeout;
  bool exports = false;
};

absl::StatusOr<pb::ClaimNextTicketRequest> RequestOf(const Options& options) {
  pb::ClaimNextTicketRequest request;
  for (const std::string& label : options.labels) request.add_labels(label);
  if (!options.max_priority.empty()) {
    COORDHUB_ASSIGN_OR_RETURN(const int priority,
                              ParsePriority(options.max_priority, "--max-priority"));
    request.set_max_priority(priority);
  }
  if (!options.wait.empty()) {
    COORDHUB_ASSIGN_OR_RETURN(const absl::Duration wait, ParseDuration(options.wait, "--wait"));
    *request.mutable_wait() = agent::ToProto(wait);
  }
  if (!options.claim_timeout.empty()) {
    COORDHUB_ASSIGN_OR_RETURN(const absl::Duration timeout,
                              ParseDuration(options.claim_timeout, "--claim-timeout"));
    *request.mutable_claim_timeout() = agent::ToProto(timeout);
  }
  return request;
}

std::string WhyNothing(const pb::NoWork& why) {
  return absl::StrCat("nothing is ready: ", why.blocked(), " blocked, ", why.held(), " held, ",
                      why.delayed(), " not due, ", why.filtered(),
                      " ready, but assigned to others or outside of --label and --max-priority\n");
}

absl::StatusOr<ExitCode> Next(Context& context, const Options& options) {
  COORDHUB_ASSIGN_OR_RETURN(const pb::ClaimNextTicketRequest request, RequestOf(options));
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.Connect());
  // A call that waits renews nothing: without this the session could end before the work comes.
  std::unique_ptr<agent::Session> session;
  if (request.has_wait() && !client.credentials().session_token.empty()) {
    COORDHUB_ASSIGN_OR_RETURN(session, agent::Session::Attach(client));
  }
  COORDHUB_ASSIGN_OR_RETURN(const pb::ClaimNextTicketResponse response,
                            client.ClaimNextTicket(request));
  if (response.has_ticket()) {
    PrintClaimed(context, response, response.ticket(), response.body(), options.exports);
    return ExitCode::kOk;
  }
  if (context.json()) {
    context.out() << ToJson(response, context.host().out_is_terminal) << "\n";
  } else {
    context.err() << WhyNothing(response.no_work());
  }
  return ExitCode::kNothingReady;
}

}  // namespace

void AddTicketNext(CLI::App* ticket, Context* context) {
  CLI::App* command = AddCommand(
      ticket, "next",
      "Claim the first ready ticket by priority, then age. Exit code 5: nothing is ready",
      "coordctl ticket next\n"
      "coordctl ticket next --wait 10m --label parser\n"
      "WORK=$(coordctl ticket next --export) && eval \"$WORK\" && coordctl ticket complete\n"
      "coordctl ticket next --json | jq -r '.ticket.ticketId, .ticket.claim.fence'");
  auto options = std::make_shared<Options>();
  command->add_option("--wait,-w", options->wait,
                      "How long to wait for work, up to 1h; the session is kept alive meanwhile");
  AddListOption(command, "--label,-l", &options->labels, "Only with this label; may be repeated");
  command->add_option("--max-priority", options->max_priority,
                      "Only this priority or a more urgent one: p1 means p0 and p1");
  command->add_option("--claim-timeout", options->claim_timeout,
                      "Free the ticket after this time unless `ticket renew` comes; 1s to 168h");
  command->add_flag("--export", options->exports,
                    "Print only shell lines that set COORDHUB_TICKET and COORDHUB_FENCE");
  AddRequestId(command, context);
  OnRun(command, context, [options](Context& c) { return Next(c, *options); });
}

}  // namespace coordhub::coordctl
