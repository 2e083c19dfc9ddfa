#include <ostream>

#include "agent/base/status_macros.h"
#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/json_output.h"

namespace coordhub::coordctl {
namespace {

absl::StatusOr<ExitCode> Drain(Context& context, const std::string& reason) {
  pb::DrainHubRequest request;
  request.set_reason(reason);
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.Connect());
  COORDHUB_ASSIGN_OR_RETURN(const pb::DrainHubResponse response, client.DrainHub(request));
  if (context.json()) {
    context.out() << ToJson(response, context.host().out_is_terminal) << "\n";
  } else {
    context.out() << (response.began() ? "draining\n" : "was draining already\n");
  }
  return ExitCode::kOk;
}

}  // namespace

void AddHubDrain(CLI::App* hub, Context* context) {
  CLI::App* command = AddCommand(hub, "drain",
                                 "Stop the hub in an orderly way: nothing new is accepted, what is "
                                 "under way is finished. Claims stay",
                                 "coordctl hub drain --reason \"upgrade\"");
  auto reason = std::make_shared<std::string>();
  command->add_option("--reason,-m", *reason, "For people to read");
  OnRun(command, context, [reason](Context& c) { return Drain(c, *reason); });
}

}  // namespace coordhub::coordctl
