#include "agent/base/status_macros.h"
#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/commands/ticket_spec_options.h"

namespace coordhub::coordctl {
namespace {

absl::StatusOr<ExitCode> Create(Context& context, const TicketSpecOptions& options) {
  pb::CreateTicketRequest request;
  COORDHUB_RETURN_IF_ERROR(options.Fill(context, request.mutable_spec()));
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.Connect());
  COORDHUB_ASSIGN_OR_RETURN(const pb::CreateTicketResponse response, client.CreateTicket(request));
  PrintTicketAnswer(context, response, response.ticket());
  return ExitCode::kOk;
}

}  // namespace

void AddTicketCreate(CLI::App* ticket, Context* context) {
  CLI::App* command = AddCommand(
      ticket, "create", "Make a ticket",
      "coordctl ticket create --title \"Speed up the parser\" -p p1 -l parser\n"
      "coordctl ticket create --title \"Release\" --depends T-3,T-4 --body-file notes.md\n"
      "ID=$(coordctl ticket create --title \"Fix the build\" | cut -f1)");
  auto options = std::make_shared<TicketSpecOptions>();
  options->AddTo(command);
  command->get_option("--title")->required();
  AddRequestId(command, context);
  OnRun(command, context, [options](Context& c) { return Create(c, *options); });
}

}  // namespace coordhub::coordctl
