#include <ostream>

#include "agent/base/status_macros.h"
#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/json_output.h"
#include "agent/coordctl/names.h"
#include "agent/coordctl/views.h"

namespace coordhub::coordctl {
namespace {

struct Options {
  std::vector<std::string> states;
  bool all = false;
  bool newest = false;
};

absl::StatusOr<ExitCode> List(Context& context, const Options& options) {
  pb::ListAgentsRequest request;
  for (const std::string& state : options.states) {
    COORDHUB_ASSIGN_OR_RETURN(const pb::Agent::State parsed, ParseAgentState(state, "--state"));
    request.add_states(parsed);
  }
  if (options.states.empty() && !options.all) {
    request.add_states(pb::Agent::STATE_ACTIVE);
    request.add_states(pb::Agent::STATE_SUSPECT);
  }
  if (options.newest) {
    request.set_order_by(pb::ListAgentsRequest::ORDER_REGISTRATION);
    request.set_descending(true);
  }
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.ConnectToRead());
  COORDHUB_ASSIGN_OR_RETURN(const agent::AgentListing listing,
                            agent::ListAllAgents(client, request));
  if (context.json()) {
    context.out() << ToJsonArray(listing.agents, context.host().out_is_terminal);
  } else {
    context.out() << AgentTable(context, listing.agents, context.host().clock->Wall()).Render();
  }
  return ExitCode::kOk;
}

}  // namespace

void AddAgentList(CLI::App* agent, Context* context) {
  CLI::App* command = AddCommand(
      agent, "list",
      "List agents by name; those that live unless --state or --all is given. Columns: id, state, "
      "branch, claims, time since it was heard, program, worktree",
      "coordctl agent list\n"
      "coordctl agent list --state expired\n"
      "coordctl agent list --all --json | jq -r '.[].agentId'");
  auto options = std::make_shared<Options>();
  AddStateOption(command, &options->states, AgentStateNames(),
                 "Only these states; may be repeated");
  command->add_flag("--all,-a", options->all, "Those that ended, too");
  command->add_flag("--newest", options->newest, "Not by name: who registered last comes first");
  OnRun(command, context, [options](Context& c) { return List(c, *options); });
}

}  // namespace coordhub::coordctl
