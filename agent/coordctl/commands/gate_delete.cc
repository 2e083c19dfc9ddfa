#include <ostream>

#include "agent/base/status_macros.h"
#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/commands/gate_output.h"
#include "agent/coordctl/json_output.h"

namespace coordhub::coordctl {
namespace {

absl::StatusOr<ExitCode> Delete(Context& context, const std::string& gate_id) {
  pb::DeleteGateRequest request;
  request.set_gate_id(gate_id);
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.Connect());
  COORDHUB_ASSIGN_OR_RETURN(
      const auto response,
      client.Call<pb::DeleteGateResponse>("/coordhub.v1.ConvergenceService/DeleteGate", request));
  if (context.json()) {
    context.out() << ToJson(response, context.host().out_is_terminal) << "\n";
  } else {
    context.out() << gate_id << "\tdeleted\n";
  }
  return ExitCode::kOk;
}

}  // namespace

void AddGateDelete(CLI::App* gate, Context* context) {
  CLI::App* command =
      AddCommand(gate, "delete",
                 "Delete a gate that no active round asks for; its incident is closed. The "
                 "operator's",
                 "coordctl gate delete tests");
  auto gate_id = std::make_shared<std::string>();
  command->add_option("GATE", *gate_id, "Its name")->required();
  AddRequestId(command, context);
  OnRun(command, context, [gate_id](Context& c) { return Delete(c, *gate_id); });
}

}  // namespace coordhub::coordctl
