#include "agent/base/status_macros.h"
#include "agent/client/proto_time.h"
#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/commands/round_output.h"
#include "agent/coordctl/time_text.h"

namespace coordhub::coordctl {
namespace {

struct Options {
  std::string target;
  std::vector<std::string> agents;
  std::vector<std::string> branches;
  std::vector<std::string> tickets;
  std::vector<std::string> labels;
  std::string method = "merge";
  std::string drop_lost_after;
  std::string gate;
  std::string committer;
  bool gate_each = false;
  bool tickets_done = false;
  bool clean_worktrees = false;
  bool update_checkout = false;
  bool leave_out_conflicting = false;
  bool run_hooks = false;
};

pb::RoundPolicy::Method MethodOf(const std::string& name) {
  if (name == "squash") return pb::RoundPolicy::METHOD_SQUASH;
  if (name == "ff") return pb::RoundPolicy::METHOD_FAST_FORWARD;
  return pb::RoundPolicy::METHOD_MERGE;
}

absl::StatusOr<pb::OpenRoundRequest> RequestOf(const Options& options) {
  pb::OpenRoundRequest request;
  request.set_target(options.target);
  for (const std::string& agent : options.agents) request.add_member_agent_ids(agent);
  for (const std::string& branch : options.branches) request.add_member_branches(branch);
  for (const std::string& id : options.tickets) request.mutable_tickets()->add_ticket_ids(id);
  for (const std::string& label : options.labels) request.mutable_tickets()->add_labels(label);
  pb::RoundPolicy& policy = *request.mutable_policy();
  policy.set_method(MethodOf(options.method));
  policy.set_gate(options.gate);
  policy.set_gate_each_member(options.gate_each);
  policy.set_require_tickets_done(options.tickets_done);
  policy.set_require_clean_worktrees(options.clean_worktrees);
  policy.set_update_checkout(options.update_checkout);
  policy.set_leave_out_conflicting(options.leave_out_conflicting);
  policy.set_committer(options.committer);
  policy.set_run_hooks(options.run_hooks);
  if (!options.drop_lost_after.empty()) {
    COORDHUB_ASSIGN_OR_RETURN(const absl::Duration grace,
                              ParseDuration(options.drop_lost_after, "--drop-lost-after"));
    *policy.mutable_drop_lost_members_after() = agent::ToProto(grace);
  }
  return request;
}

absl::StatusOr<ExitCode> Open(Context& context, const Options& options) {
  COORDHUB_ASSIGN_OR_RETURN(const pb::OpenRoundRequest request, RequestOf(options));
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.Connect());
  COORDHUB_ASSIGN_OR_RETURN(
      const auto response,
      client.Call<pb::OpenRoundResponse>("/coordhub.v1.ConvergenceService/OpenRound", request));
  PrintRoundAnswer(context, response, response.round());
  return ExitCode::kOk;
}

void AddMembers(CLI::App* command, Options* options) {
  command->add_option("TARGET", options->target, "The branch that the others are brought onto")
      ->required();
  AddListOption(command, "--agent,-a", &options->agents,
                "A member, by its name; may be repeated. Without --agent and --branch: every live "
                "agent that has a branch");
  AddListOption(command, "--branch,-b", &options->branches,
                "A member, by its branch; one that no live agent has counts as ready");
  TakeTicketIds(AddListOption(command, "--ticket,-t", &options->tickets,
                              "Wait until this ticket is finished, too; may be repeated"));
  AddListOption(command, "--label,-l", &options->labels,
                "Wait for all unfinished tickets that have these labels now");
}

void AddPolicy(CLI::App* command, Options* options) {
  AddChoice(command, "--method", &options->method, {"merge", "squash", "ff"},
            "A merge commit for each member, one squashed commit for each, or fast-forward only")
      ->capture_default_str();
  command->add_flag("--tickets-done", options->tickets_done,
                    "Members must hold no ticket any more");
  command->add_flag("--clean-worktrees", options->clean_worktrees,
                    "Members' worktrees must have nothing uncommitted");
  command->add_flag("--leave-out-conflicting", options->leave_out_conflicting,
                    "Members that do not merge do not block the others");
  command->add_option("--drop-lost-after", options->drop_lost_after,
                      "Go on without members whose session ended so long ago");
  command->add_option("--gate", options->gate, "The gate that the merged tree must pass");
  command->add_flag("--gate-each", options->gate_each, "Run it after each member");
  command->add_flag("--update-checkout", options->update_checkout,
                    "Also where the target is checked out, if that worktree is clean");
  command->add_option("--committer", options->committer, "Who commits: \"Name <address>\"");
  command->add_flag("--hooks", options->run_hooks, "Run the repository's hooks");
}

}  // namespace

void AddRoundOpen(CLI::App* round, Context* context) {
  CLI::App* command = AddCommand(
      round, "open",
      "Open a round: its members' branches are to be brought onto the target together. Members "
      "are sealed; who comes later is in the next round",
      "coordctl round open main\n"
      "coordctl round open main --agent conversation-1 --agent conversation-2 --tickets-done\n"
      "coordctl round open release --branch task-7 --method squash --gate tests");
  auto options = std::make_shared<Options>();
  AddMembers(command, options.get());
  AddPolicy(command, options.get());
  AddRequestId(command, context);
  OnRun(command, context, [options](Context& c) { return Open(c, *options); });
}

}  // namespace coordhub::coordctl
