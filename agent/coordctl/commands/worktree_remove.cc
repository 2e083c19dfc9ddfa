#include <filesystem>
#include <ostream>

#include "agent/base/status_macros.h"
#include "agent/base/text.h"
#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/json_output.h"
#include "agent/coordctl/views.h"

namespace coordhub::coordctl {
namespace {

struct Options {
  std::string path;
  bool allow_unmerged = false;
};

// What went with it. Left out where it cannot be told.
std::string NoteOf(const agent::Client& client, const std::string& operation_id) {
  pb::GetOperationRequest request;
  request.set_operation_id(operation_id);
  const auto shown =
      client.Call<pb::GetOperationResponse>("/coordhub.v1.OperationService/GetOperation", request);
  return shown.ok() ? shown->operation().note() : "";
}

absl::StatusOr<ExitCode> Remove(Context& context, const Options& options) {
  pb::RemoveWorktreeRequest request;
  request.set_path(
      (std::filesystem::path(context.host().directory) / options.path).lexically_normal().string());
  request.set_allow_unmerged(options.allow_unmerged);
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.Connect());
  COORDHUB_ASSIGN_OR_RETURN(const pb::RemoveWorktreeResponse response,
                            client.RemoveWorktree(request));
  if (context.json()) {
    context.out() << ToJson(response, context.host().out_is_terminal) << "\n";
    return ExitCode::kOk;
  }
  context.out() << base::TerminalSafe(response.worktree().path()) << "\t"
                << base::TerminalSafe(response.worktree().branch()) << "\n";
  const std::string note = NoteOf(client, response.operation_id());
  if (!note.empty()) context.err() << base::TerminalSafe(note) << "\n";
  return ExitCode::kOk;
}

}  // namespace

void AddWorktreeRemove(CLI::App* worktree, Context* context) {
  CLI::App* command = AddCommand(
      worktree, "remove",
      "Remove a worktree in which nothing would be lost; its branch stays (the operator's). It is "
      "refused, and says what there is, with changed or untracked files, with something under way, "
      "with commits that the target lacks, and while an agent works in it. There is no force. What "
      "git ignores goes with it",
      "coordctl worktree remove ../app-worktrees/task-T-17\n"
      "coordctl --as operator worktree remove ../app-worktrees/task-T-17 --allow-unmerged");
  auto options = std::make_shared<Options>();
  command->add_option("DIRECTORY", options->path, "Its path")->required();
  command->add_flag("--allow-unmerged", options->allow_unmerged,
                    "Also when the target lacks commits of its branch, where they stay");
  AddRequestId(command, context);
  OnRun(command, context, [options](Context& c) { return Remove(c, *options); });
}

}  // namespace coordhub::coordctl
