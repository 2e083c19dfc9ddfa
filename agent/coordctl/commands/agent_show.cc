#include <ostream>

#include "agent/base/status_macros.h"
#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/json_output.h"
#include "agent/coordctl/views.h"

namespace coordhub::coordctl {
namespace {

absl::StatusOr<ExitCode> Show(Context& context, const std::string& name) {
  pb::GetAgentRequest request;
  request.set_agent_id(name);
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client,
                            name.empty() ? context.Connect() : context.ConnectToRead());
  COORDHUB_ASSIGN_OR_RETURN(const pb::GetAgentResponse response, client.GetAgent(request));
  if (context.json()) {
    context.out() << ToJson(response, context.host().out_is_terminal) << "\n";
  } else {
    context.out() << AgentText(context, response.agent(),
                               {response.claims().begin(), response.claims().end()},
                               context.host().clock->Wall());
  }
  return ExitCode::kOk;
}

}  // namespace

void AddAgentShow(CLI::App* agent, Context* context) {
  CLI::App* command = AddCommand(agent, "show", "Show an agent and what it holds",
                                 "coordctl agent show conversation-42");
  auto name = std::make_shared<std::string>();
  command->add_option("AGENT", *name, "Default: you");
  OnRun(command, context, [name](Context& c) { return Show(c, *name); });
}

}  // namespace coordhub::coordctl
