#include "absl/strings/ascii.h"
#include "agent/base/status_macros.h"
#include "agent/base/string_view.h"
#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/commands/round_output.h"
#include "agent/coordctl/git_command.h"

namespace coordhub::coordctl {
namespace {

struct Options {
  std::string round_id;
  std::string commit;
  std::string branch;
};

// The whole id of what the user calls a commit; that of the branch, or of what is checked out here,
// where he names none: so that what was committed a moment ago is meant, whatever the hub has seen.
// Empty: no repository is around, and the hub says where the branch is.
absl::StatusOr<std::string> CommitOf(Context& context, const Options& options) {
  const bool stated = !options.commit.empty();
  if (!context.Repository().ok() && !stated) return std::string();
  const std::string name = stated                    ? options.commit
                           : !options.branch.empty() ? "refs/heads/" + options.branch
                                                     : std::string("HEAD");
  COORDHUB_ASSIGN_OR_RETURN(
      const std::string printed,
      RunGit(".", {"rev-parse", "--verify", "--end-of-options", name + "^{commit}"}));
  return std::string(absl::StripAsciiWhitespace(base::ToAbsl(printed)));
}

absl::StatusOr<ExitCode> Ready(Context& context, const Options& options) {
  pb::DeclareReadyRequest request;
  request.set_round_id(options.round_id);
  request.set_branch(options.branch);
  COORDHUB_ASSIGN_OR_RETURN(*request.mutable_commit(), CommitOf(context, options));
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.Connect());
  COORDHUB_ASSIGN_OR_RETURN(const auto response,
                            client.Call<pb::DeclareReadyResponse>(
                                "/coordhub.v1.ConvergenceService/DeclareReady", request));
  PrintRoundAnswer(context, response, response.round());
  return ExitCode::kOk;
}

}  // namespace

void AddRoundReady(CLI::App* round, Context* context) {
  CLI::App* command = AddCommand(
      round, "ready",
      "Declare your branch ready for its round, at what is checked out here. Goes stale when the "
      "branch moves",
      "coordctl round ready\n"
      "coordctl round ready C-3 --commit HEAD~1\n"
      "coordctl --as operator round ready --branch conversation-42");
  auto options = std::make_shared<Options>();
  AddRoundArgument(command, &options->round_id);
  command->add_option("--commit", options->commit, "Another commit than what is checked out");
  command->add_option("--branch,-b", options->branch,
                      "The member's branch; another's than your own only as the operator");
  AddRequestId(command, context);
  OnRun(command, context, [options](Context& c) { return Ready(c, *options); });
}

}  // namespace coordhub::coordctl
