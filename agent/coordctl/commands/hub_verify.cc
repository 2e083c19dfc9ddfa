#include <ostream>

#include "agent/base/status_macros.h"
#include "agent/client/proto_time.h"
#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/json_output.h"
#include "agent/coordctl/time_text.h"

namespace coordhub::coordctl {
namespace {

absl::StatusOr<ExitCode> Verify(Context& context) {
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.Connect());
  COORDHUB_ASSIGN_OR_RETURN(const pb::VerifyWorkspaceResponse response, client.VerifyWorkspace({}));
  if (context.json()) {
    context.out() << ToJson(response, context.host().out_is_terminal) << "\n";
  } else {
    context.out() << "sound: " << response.checked_events() << " events, revision "
                  << response.verified_revision() << ", digest " << response.digest() << ", "
                  << ShowSpan(agent::FromProto(response.elapsed())) << "\n";
  }
  return ExitCode::kOk;
}

}  // namespace

void AddHubVerify(CLI::App* hub, Context* context) {
  CLI::App* command = AddCommand(
      hub, "verify",
      "Check every event's checksum, and that the log leads to the very records that are served",
      "coordctl hub verify");
  OnRun(command, context, Verify);
}

}  // namespace coordhub::coordctl
