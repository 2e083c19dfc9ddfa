#include <ostream>

#include "agent/base/status_macros.h"
#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/json_output.h"
#include "agent/coordctl/views.h"

namespace coordhub::coordctl {
namespace {

struct Options {
  std::string operation_id;
  std::string reason;
};

absl::StatusOr<ExitCode> Cancel(Context& context, const Options& options) {
  pb::CancelOperationRequest request;
  request.set_operation_id(options.operation_id);
  request.set_reason(options.reason);
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.Connect());
  COORDHUB_ASSIGN_OR_RETURN(const auto response,
                            client.Call<pb::CancelOperationResponse>(
                                "/coordhub.v1.OperationService/CancelOperation", request));
  if (context.json()) {
    context.out() << ToJson(response, context.host().out_is_terminal) << "\n";
  } else {
    context.out()
        << OperationTable(context, {response.operation()}, context.host().clock->Wall()).Render();
  }
  return ExitCode::kOk;
}

}  // namespace

void AddOperationCancel(CLI::App* operation, Context* context) {
  CLI::App* command = AddCommand(
      operation, "cancel",
      "Ask an operation to stop: one that you began, or any as the operator. Answers at once; "
      "`show` says when it has stopped",
      "coordctl operation cancel O-17 --reason \"the disk is needed\"");
  auto options = std::make_shared<Options>();
  command->add_option("OPERATION", options->operation_id, "Its id, O-17")->required();
  command->add_option("--reason,-m", options->reason, "Why, up to 4 KiB");
  AddRequestId(command, context);
  OnRun(command, context, [options](Context& c) { return Cancel(c, *options); });
}

}  // namespace coordhub::coordctl
