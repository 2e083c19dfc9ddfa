#include <filesystem>
#include <ostream>

#include "agent/base/status_macros.h"
#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/json_output.h"
#include "agent/coordctl/views.h"

namespace coordhub::coordctl {
namespace {

struct Options {
  std::string branch;
  std::string start_point;
  std::string path;
  std::string ticket;
  std::string agent;
  bool existing = false;
};

absl::StatusOr<ExitCode> Add(Context& context, const Options& options) {
  pb::CreateWorktreeRequest request;
  request.set_branch(options.branch);
  request.set_start_point(options.start_point);
  if (!options.path.empty()) {
    // The hub makes it, and stands elsewhere than the user.
    request.set_path((std::filesystem::path(context.host().directory) / options.path)
                         .lexically_normal()
                         .string());
  }
  request.set_ticket_id(options.ticket);
  request.set_agent_id(options.agent);
  request.set_existing_branch(options.existing);
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.Connect());
  COORDHUB_ASSIGN_OR_RETURN(const pb::CreateWorktreeResponse response,
                            client.CreateWorktree(request));
  if (context.json()) {
    context.out() << ToJson(response, context.host().out_is_terminal) << "\n";
  } else {
    context.out() << WorktreeTable(context, {response.worktree()}).Render();
  }
  return ExitCode::kOk;
}

}  // namespace

void AddWorktreeAdd(CLI::App* worktree, Context* context) {
  CLI::App* command = AddCommand(
      worktree, "add",
      "Make a worktree with a branch of its own and a link to shared_state. Without BRANCH the hub "
      "names it, for a ticket or an agent, by default for the agent that you are. Safe beside any "
      "other, also `git worktree add`",
      "coordctl worktree add --ticket T-17\n"
      "coordctl worktree add --agent conversation-42\n"
      "coordctl worktree add task-parser --start main\n"
      "coordctl worktree add task-parser --existing --path ../parser\n"
      "cd \"$(coordctl worktree add --ticket T-17 --json | jq -r .worktree.path)\"");
  auto options = std::make_shared<Options>();
  auto* branch = command->add_option("BRANCH", options->branch, "The new branch");
  auto* start = command->add_option("--start,-s", options->start_point,
                                    "Branch or commit where it starts; default: the target's head");
  command->add_option("--path", options->path,
                      "Where it goes; default: <repository>-worktrees/<branch>, beside the "
                      "repository. An agent's lies in that directory, too");
  TakeTicketIds(command->add_option("--ticket,-t", options->ticket, "The ticket that it is for"));
  command->add_option("--agent,-a", options->agent, "The agent that it is for");
  command->add_flag("--existing", options->existing, "BRANCH is there already; check it out")
      ->needs(branch)
      ->excludes(start);
  AddRequestId(command, context);
  OnRun(command, context, [options](Context& c) { return Add(c, *options); });
}

}  // namespace coordhub::coordctl
