#include "agent/base/status_macros.h"
#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/commands/round_output.h"

namespace coordhub::coordctl {
namespace {

struct Options {
  std::string round_id;
  std::string reason;
};

absl::StatusOr<ExitCode> Cancel(Context& context, const Options& options) {
  pb::CancelRoundRequest request;
  request.set_round_id(options.round_id);
  request.set_reason(options.reason);
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.Connect());
  COORDHUB_ASSIGN_OR_RETURN(
      const auto response,
      client.Call<pb::CancelRoundResponse>("/coordhub.v1.ConvergenceService/CancelRound", request));
  PrintRoundAnswer(context, response, response.round());
  return ExitCode::kOk;
}

}  // namespace

void AddRoundCancel(CLI::App* round, Context* context) {
  CLI::App* command =
      AddCommand(round, "cancel",
                 "End a round without touching any branch: one that you opened, or any as the "
                 "operator",
                 "coordctl round cancel\n"
                 "coordctl round cancel C-3 --reason \"next week\"");
  auto options = std::make_shared<Options>();
  AddRoundArgument(command, &options->round_id);
  command->add_option("--reason,-m", options->reason, "Why, up to 4 KiB");
  AddRequestId(command, context);
  OnRun(command, context, [options](Context& c) { return Cancel(c, *options); });
}

}  // namespace coordhub::coordctl
