#include <ostream>

#include "agent/base/status_macros.h"
#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/json_output.h"
#include "agent/coordctl/views.h"

namespace coordhub::coordctl {
namespace {

absl::StatusOr<ExitCode> List(Context& context) {
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.ConnectToRead());
  // A hub has three loops for each workspace: one page.
  COORDHUB_ASSIGN_OR_RETURN(const pb::ListLoopsResponse response, client.ListLoops({}));
  const std::vector<pb::Loop> loops(response.loops().begin(), response.loops().end());
  if (context.json()) {
    context.out() << ToJsonArray(loops, context.host().out_is_terminal);
  } else {
    context.out() << LoopTable(context, loops, context.host().clock->Wall()).Render();
  }
  return ExitCode::kOk;
}

}  // namespace

void AddLoopList(CLI::App* loop, Context* context) {
  CLI::App* command = AddCommand(
      loop, "list",
      "List the hub's background loops. Columns: id, state, interval, time since the last step, "
      "how "
      "long it took, time to the next, steps, the last error",
      "coordctl loop list\n"
      "coordctl loop list --json | jq -r '.[] | select(.state != \"STATE_RUNNING\").loopId'");
  OnRun(command, context, List);
}

}  // namespace coordhub::coordctl
