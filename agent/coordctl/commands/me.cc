#include <ostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/base/status_macros.h"
#include "agent/base/text.h"
#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/json_output.h"
#include "agent/coordctl/views.h"

namespace coordhub::coordctl {
namespace {

// Where an agent's session has ended. Reading goes on, and so does this.
absl::StatusOr<ExitCode> ShowNobody(Context& context, const agent::Client& client,
                                    const std::string& why) {
  COORDHUB_ASSIGN_OR_RETURN(pb::GetHubResponse hub, client.GetHub({}));
  hub.clear_caller();
  if (context.json()) {
    context.out() << ToJson(hub, context.host().out_is_terminal) << "\n";
  } else {
    context.out() << KeyLine(context, "you are", "nobody")
                  << KeyLine(context, "workspace", hub.workspace().workspace_id());
    context.err() << "coordctl: " << base::TerminalSafe(why) << "\n";
  }
  return ExitCode::kOk;
}

absl::StatusOr<ExitCode> ShowOperator(Context& context, const agent::Client& client) {
  COORDHUB_ASSIGN_OR_RETURN(const pb::GetHubResponse hub, client.GetHub({}));
  if (context.json()) {
    context.out() << ToJson(hub, context.host().out_is_terminal) << "\n";
  } else {
    context.out() << KeyLine(context, "you are", hub.caller())
                  << KeyLine(context, "workspace", hub.workspace().workspace_id());
  }
  if (!context.undecided_agents().empty()) {
    context.err() << "coordctl: registered in this worktree: "
                  << base::TerminalSafe(absl::StrJoin(context.undecided_agents(), ", "))
                  << "; choose with --as NAME or COORDHUB_AGENT\n";
  }
  return ExitCode::kOk;
}

absl::StatusOr<ExitCode> ShowAgent(Context& context, const agent::Client& client) {
  COORDHUB_ASSIGN_OR_RETURN(const pb::GetAgentResponse own, client.GetAgent({}));
  if (context.json()) {
    context.out() << ToJson(own, context.host().out_is_terminal) << "\n";
  } else {
    context.out() << AgentText(context, own.agent(), {own.claims().begin(), own.claims().end()},
                               context.host().clock->Wall(), "you are");
  }
  return ExitCode::kOk;
}

absl::StatusOr<ExitCode> Me(Context& context) {
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.ConnectAsSelf());
  if (!context.nobody().ok()) {
    return ShowNobody(context, client, std::string(context.nobody().message()));
  }
  if (client.credentials().session_token.empty()) return ShowOperator(context, client);
  const std::string implied = context.implied_agent();
  const absl::StatusOr<ExitCode> shown = ShowAgent(context, client);
  // Whoever named the session is told that it is over; else there is nobody here any more.
  if (implied.empty() || !context.NoteIfEnded(shown.status())) return shown;
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client reader, context.ConnectToRead());
  return ShowNobody(context, reader,
                    absl::StrCat(shown.status().message(),
                                 "; register again with: coordctl agent register ", implied));
}

}  // namespace

void AddMe(CLI::App* root, Context* context) {
  CLI::App* command = AddCommand(root, "me", "Who the hub takes you for, and what you hold",
                                 "coordctl me\n"
                                 "coordctl --as operator me");
  OnRun(command, context, Me);
}

}  // namespace coordhub::coordctl
