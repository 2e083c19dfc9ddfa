#include <ostream>

#include "agent/base/status_macros.h"
#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/json_output.h"
#include "agent/coordctl/ticket_ref.h"
#include "agent/coordctl/views.h"

namespace coordhub::coordctl {
namespace {

struct Options {
  std::string ticket;
  int comments = 0;
};

absl::StatusOr<ExitCode> Show(Context& context, const Options& options) {
  pb::GetTicketRequest request;
  COORDHUB_ASSIGN_OR_RETURN(*request.mutable_ticket_id(), ResolveTicket(context, options.ticket));
  request.set_comment_page_size(options.comments);
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.ConnectToRead());
  COORDHUB_ASSIGN_OR_RETURN(const pb::GetTicketResponse response, client.GetTicket(request));
  if (context.json()) {
    context.out() << ToJson(response, context.host().out_is_terminal) << "\n";
  } else {
    context.out() << TicketText(context, response.ticket(), response.body(),
                                {response.comments().begin(), response.comments().end()});
  }
  return ExitCode::kOk;
}

}  // namespace

void AddTicketShow(CLI::App* ticket, Context* context) {
  CLI::App* command = AddCommand(ticket, "show", "Show a ticket with its body and newest comments",
                                 "coordctl ticket show T-17\n"
                                 "coordctl ticket show T-17 --json | jq -r .body");
  auto options = std::make_shared<Options>();
  TakeTicketIds(command->add_option("TICKET", options->ticket, "Default: $COORDHUB_TICKET"));
  command->add_option("--comments", options->comments, "At most so many comments, up to 200")
      ->check(CLI::Range(1, 200));
  OnRun(command, context, [options](Context& c) { return Show(c, *options); });
}

}  // namespace coordhub::coordctl
