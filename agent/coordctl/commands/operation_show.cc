#include <ostream>

#include "agent/base/status_macros.h"
#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/json_output.h"
#include "agent/coordctl/views.h"

namespace coordhub::coordctl {
namespace {

absl::StatusOr<ExitCode> Show(Context& context, const std::string& operation_id) {
  pb::GetOperationRequest request;
  request.set_operation_id(operation_id);
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.ConnectToRead());
  COORDHUB_ASSIGN_OR_RETURN(
      const auto response,
      client.Call<pb::GetOperationResponse>("/coordhub.v1.OperationService/GetOperation", request));
  if (context.json()) {
    context.out() << ToJson(response, context.host().out_is_terminal) << "\n";
  } else {
    context.out() << OperationText(context, response.operation(), context.host().clock->Wall());
  }
  return ExitCode::kOk;
}

}  // namespace

void AddOperationShow(CLI::App* operation, Context* context) {
  CLI::App* command =
      AddCommand(operation, "show", "Show one operation: how far it is, or what came of it",
                 "coordctl operation show O-17");
  auto operation_id = std::make_shared<std::string>();
  command->add_option("OPERATION", *operation_id, "Its id, O-17")->required();
  OnRun(command, context, [operation_id](Context& c) { return Show(c, *operation_id); });
}

}  // namespace coordhub::coordctl
