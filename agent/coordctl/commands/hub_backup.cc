#include <filesystem>
#include <ostream>

#include "agent/base/status_macros.h"
#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/json_output.h"

namespace coordhub::coordctl {
namespace {

absl::StatusOr<ExitCode> Backup(Context& context, const std::string& directory) {
  pb::BackupWorkspaceRequest request;
  // The hub writes it, and stands elsewhere than the user.
  request.set_directory(
      (std::filesystem::path(context.host().directory) / directory).lexically_normal().string());
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.Connect());
  COORDHUB_ASSIGN_OR_RETURN(const pb::BackupWorkspaceResponse response,
                            client.BackupWorkspace(request));
  if (context.json()) {
    context.out() << ToJson(response, context.host().out_is_terminal) << "\n";
  } else {
    context.out() << request.directory() << "\trevision " << response.revision() << "\t"
                  << response.size_bytes() << " bytes\t" << response.digest() << "\n";
  }
  return ExitCode::kOk;
}

}  // namespace

void AddHubBackup(CLI::App* hub, Context* context) {
  CLI::App* command =
      AddCommand(hub, "backup",
                 "Copy the journal while the hub serves on. Bring it back with `coordhub restore`",
                 "coordctl hub backup /var/backups/hub-1");
  auto directory = std::make_shared<std::string>();
  command->add_option("DIRECTORY", *directory, "Where to; must not exist yet")->required();
  OnRun(command, context, [directory](Context& c) { return Backup(c, *directory); });
}

}  // namespace coordhub::coordctl
