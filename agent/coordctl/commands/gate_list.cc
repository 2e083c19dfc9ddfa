#include <ostream>

#include "agent/base/status_macros.h"
#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/commands/gate_output.h"
#include "agent/coordctl/json_output.h"

namespace coordhub::coordctl {
namespace {

absl::StatusOr<ExitCode> List(Context& context) {
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.ConnectToRead());
  // A workspace has 64 at most: one page.
  COORDHUB_ASSIGN_OR_RETURN(const auto response, client.Call<pb::ListGatesResponse>(
                                                     "/coordhub.v1.ConvergenceService/ListGates",
                                                     pb::ListGatesRequest()));
  if (context.json()) {
    context.out() << ToJsonArray(response.gates(), context.host().out_is_terminal);
  } else {
    const std::vector<pb::Gate> gates(response.gates().begin(), response.gates().end());
    context.out() << GateTable(context, gates, context.host().clock->Wall()).Render();
  }
  return ExitCode::kOk;
}

}  // namespace

void AddGateList(CLI::App* gate, Context* context) {
  CLI::App* command = AddCommand(
      gate, "list",
      "List gates and how their targets are. Columns: name, verdict, target, commit of the "
      "verdict, incident that is open, age of the verdict, timeout, command",
      "coordctl gate list\n"
      "coordctl gate list --json | jq -r '.[] | select(.verdict == \"VERDICT_RED\").gateId'");
  OnRun(command, context, List);
}

}  // namespace coordhub::coordctl
