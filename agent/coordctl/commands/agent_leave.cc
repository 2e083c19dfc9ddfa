#include <ostream>

#include "absl/strings/str_join.h"
#include "agent/base/status_macros.h"
#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/json_output.h"

namespace coordhub::coordctl {
namespace {

struct Options {
  std::string name;
  std::string reason;
};

// The operator takes back a worktree whose agents have ended.
absl::StatusOr<ExitCode> TakeBack(Context& context) {
  COORDHUB_ASSIGN_OR_RETURN(const size_t forgotten, context.ForgetEndedHere());
  if (context.json()) {
    context.out() << "{\"forgotten\": " << forgotten << "}\n";
  } else if (context.terminal()) {
    context.out() << "Of agents that have ended, " << forgotten
                  << " are forgotten here; without an agent the operator acts\n";
  } else {
    context.out() << forgotten << "\n";
  }
  return ExitCode::kOk;
}

absl::StatusOr<ExitCode> Leave(Context& context, const Options& options) {
  if (options.name.empty() && context.globals().as == "operator") return TakeBack(context);
  pb::DeregisterAgentRequest request;
  request.set_agent_id(options.name);
  request.set_reason(options.reason);
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.Connect());
  COORDHUB_ASSIGN_OR_RETURN(const pb::DeregisterAgentResponse response,
                            client.DeregisterAgent(request));
  context.NoteEnd(response.agent());
  if (context.json()) {
    context.out() << ToJson(response, context.host().out_is_terminal) << "\n";
    return ExitCode::kOk;
  }
  const std::string released = absl::StrJoin(response.released_ticket_ids(), ",");
  if (context.terminal()) {
    context.out() << response.agent().agent_id() << " left"
                  << (released.empty() ? "" : "; back in the queue: " + released) << "\n";
  } else {
    context.out() << response.agent().agent_id() << "\t" << released << "\n";
  }
  return ExitCode::kOk;
}

}  // namespace

void AddAgentLeave(CLI::App* agent, Context* context) {
  CLI::App* command = AddCommand(
      agent, "leave",
      "End a session: its claims go back to the queue, its attempts do not count. Its worktree is "
      "nobody's then, until an agent registers there again, or the operator takes it back",
      "coordctl agent leave\n"
      "coordctl --as operator agent leave conversation-42 --reason \"it hangs\"\n"
      "coordctl --as operator agent leave      # forget who was registered in this worktree");
  auto options = std::make_shared<Options>();
  command->add_option(
      "AGENT", options->name,
      "Default: you; others: the operator's right; without it he takes this worktree back");
  command->add_option("--reason,-m", options->reason, "Why, up to 4 KiB");
  AddRequestId(command, context);
  OnRun(command, context, [options](Context& c) { return Leave(c, *options); });
}

}  // namespace coordhub::coordctl
