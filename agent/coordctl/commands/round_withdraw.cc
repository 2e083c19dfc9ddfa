#include "agent/base/status_macros.h"
#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/commands/round_output.h"

namespace coordhub::coordctl {
namespace {

struct Options {
  std::string round_id;
  std::string branch;
};

absl::StatusOr<ExitCode> Withdraw(Context& context, const Options& options) {
  pb::WithdrawReadyRequest request;
  request.set_round_id(options.round_id);
  request.set_branch(options.branch);
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.Connect());
  COORDHUB_ASSIGN_OR_RETURN(const auto response,
                            client.Call<pb::WithdrawReadyResponse>(
                                "/coordhub.v1.ConvergenceService/WithdrawReady", request));
  PrintRoundAnswer(context, response, response.round());
  return ExitCode::kOk;
}

}  // namespace

void AddRoundWithdraw(CLI::App* round, Context* context) {
  CLI::App* command = AddCommand(round, "withdraw", "Take back that your branch is ready",
                                 "coordctl round withdraw\n"
                                 "coordctl --as operator round withdraw --branch conversation-42");
  auto options = std::make_shared<Options>();
  AddRoundArgument(command, &options->round_id);
  command->add_option("--branch,-b", options->branch,
                      "The member's branch; another's than your own only as the operator");
  AddRequestId(command, context);
  OnRun(command, context, [options](Context& c) { return Withdraw(c, *options); });
}

}  // namespace coordhub::coordctl
