#include <ostream>
#include <vector>

#include "agent/base/status_macros.h"
#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/json_output.h"
#include "agent/coordctl/views.h"

namespace coordhub::coordctl {
namespace {

constexpr int kPage = 1000;

absl::StatusOr<std::vector<pb::Worktree>> Fetch(const agent::Client& client) {
  std::vector<pb::Worktree> worktrees;
  pb::ListWorktreesRequest request;
  request.set_page_size(kPage);
  do {
    COORDHUB_ASSIGN_OR_RETURN(const auto page,
                              client.Call<pb::ListWorktreesResponse>(
                                  "/coordhub.v1.RepositoryService/ListWorktrees", request));
    worktrees.insert(worktrees.end(), page.worktrees().begin(), page.worktrees().end());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return worktrees;
}

absl::StatusOr<ExitCode> List(Context& context) {
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.ConnectToRead());
  COORDHUB_ASSIGN_OR_RETURN(const auto worktrees, Fetch(client));
  if (context.json()) {
    context.out() << ToJsonArray(worktrees, context.host().out_is_terminal);
  } else {
    context.out() << WorktreeTable(context, worktrees).Render();
  }
  return ExitCode::kOk;
}

}  // namespace

void AddWorktreeList(CLI::App* worktree, Context* context) {
  CLI::App* command = AddCommand(
      worktree, "list",
      "List worktrees, in order of their paths. Columns: path, branch, commit, changed files (? "
      "while they are not counted), the agent that works in it, why it is locked or cannot be read",
      "coordctl worktree list\n"
      "coordctl worktree list --json | jq -r '.[] | select(.ownerAgentId == \"\") | .path'");
  OnRun(command, context, [](Context& c) { return List(c); });
}

}  // namespace coordhub::coordctl
