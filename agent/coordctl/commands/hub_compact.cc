#include <ostream>

#include "absl/strings/str_cat.h"
#include "agent/base/status_macros.h"
#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/json_output.h"

namespace coordhub::coordctl {
namespace {

std::string Sentence(const pb::CompactWorkspaceResponse& response) {
  const pb::Workspace& workspace = response.workspace();
  const int64_t kept = workspace.head_revision() - workspace.compact_revision();
  if (response.dropped_events() > 0) {
    return absl::StrCat("dropped ", response.dropped_events(), " events, up to revision ",
                        workspace.compact_revision(), "; ", kept, " are kept");
  }
  return absl::StrCat("nothing to drop: ", kept, " events are kept, and the newest ",
                      workspace.retained_events(), " always are unless --revision is given");
}

absl::StatusOr<ExitCode> Compact(Context& context, int64_t revision) {
  pb::CompactWorkspaceRequest request;
  request.set_revision(revision);
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.Connect());
  COORDHUB_ASSIGN_OR_RETURN(const pb::CompactWorkspaceResponse response,
                            client.CompactWorkspace(request));
  if (context.json()) {
    context.out() << ToJson(response, context.host().out_is_terminal) << "\n";
  } else {
    context.out() << Sentence(response) << "\n";
  }
  return ExitCode::kOk;
}

}  // namespace

void AddHubCompact(CLI::App* hub, Context* context) {
  CLI::App* command =
      AddCommand(hub, "compact",
                 "Drop old events after writing a snapshot. A watcher that is behind is told so",
                 "coordctl hub compact\n"
                 "coordctl hub compact --revision 100000");
  auto revision = std::make_shared<int64_t>(0);
  command->add_option("--revision", *revision,
                      "Drop events up to this one; default: all but those that are promised");
  OnRun(command, context, [revision](Context& c) { return Compact(c, *revision); });
}

}  // namespace coordhub::coordctl
