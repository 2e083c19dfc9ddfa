#include <ostream>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/json_output.h"
#include "agent/coordctl/ticket_ref.h"

namespace coordhub::coordctl {
namespace {

struct Options {
  std::string ticket;
  std::string text;
  std::string file;
};

absl::StatusOr<ExitCode> AddComment(Context& context, const Options& options) {
  pb::AddCommentRequest request;
  COORDHUB_ASSIGN_OR_RETURN(*request.mutable_ticket_id(), ResolveTicket(context, options.ticket));
  COORDHUB_ASSIGN_OR_RETURN(*request.mutable_text(),
                            TextOrFile(context, options.text, options.file, "--file"));
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.Connect());
  COORDHUB_ASSIGN_OR_RETURN(const pb::AddCommentResponse response, client.AddComment(request));
  if (context.json()) {
    context.out() << ToJson(response, context.host().out_is_terminal) << "\n";
  } else {
    const pb::Comment& comment = response.comment();
    context.out() << comment.ticket_id() << (context.terminal() ? " comment " : "\t")
                  << comment.number() << "\n";
  }
  return ExitCode::kOk;
}

}  // namespace

void AddTicketComment(CLI::App* ticket, Context* context) {
  CLI::App* command = AddCommand(ticket, "comment", "Add a comment to a ticket, in any state",
                                 "coordctl ticket comment T-17 -m \"The cause is in lexer.cc\"\n"
                                 "git diff | coordctl ticket comment T-17 --file -");
  auto options = std::make_shared<Options>();
  TakeTicketIds(command->add_option("TICKET", options->ticket, "Default: $COORDHUB_TICKET"));
  auto* text = command->add_option("--text,-m", options->text, "The comment, up to 64 KiB");
  auto* file =
      command->add_option("--file,-F", options->file, "The same from a file; - is standard input");
  file->excludes(text);
  AddRequestId(command, context);
  OnRun(command, context, [options](Context& c) { return AddComment(c, *options); });
}

}  // namespace coordhub::coordctl
