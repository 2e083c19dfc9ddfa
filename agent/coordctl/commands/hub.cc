#include <ostream>

#include "agent/base/status_macros.h"
#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/json_output.h"
#include "agent/coordctl/views.h"

namespace coordhub::coordctl {
namespace {

absl::StatusOr<ExitCode> ShowHub(Context& context, bool with_digest) {
  pb::GetHubRequest request;
  request.set_with_digest(with_digest);
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.ConnectToRead());
  COORDHUB_ASSIGN_OR_RETURN(const pb::GetHubResponse hub, client.GetHub(request));
  if (context.json()) {
    context.out() << ToJson(hub, context.host().out_is_terminal) << "\n";
  } else {
    context.out() << HubText(context, hub, context.host().clock->Wall());
  }
  return ExitCode::kOk;
}

}  // namespace

void AddHub(CLI::App* root, Context* context) {
  CLI::App* command = AddCommand(root, "hub", "The hub: its status, and what its operator may do",
                                 "coordctl hub\n"
                                 "coordctl hub --digest --json | jq -r .workspace.digest\n"
                                 "coordctl hub backup /var/backups/hub-1");
  auto digest = std::make_shared<bool>(false);
  command->add_flag("--digest", *digest, "Also the digest of all records");
  command->require_subcommand(0, 1);
  OnRun(command, context, [digest](Context& c) { return ShowHub(c, *digest); });
  AddHubCompact(command, context);
  AddHubBackup(command, context);
  AddHubVerify(command, context);
  AddHubDrain(command, context);
}

}  // namespace coordhub::coordctl
