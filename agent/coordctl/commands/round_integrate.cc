#include "agent/base/status_macros.h"
#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/commands/round_output.h"

namespace coordhub::coordctl {
namespace {

absl::StatusOr<ExitCode> Integrate(Context& context, const std::string& round_id) {
  pb::IntegrateRoundRequest request;
  request.set_round_id(round_id);
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.Connect());
  COORDHUB_ASSIGN_OR_RETURN(const auto response,
                            client.Call<pb::IntegrateRoundResponse>(
                                "/coordhub.v1.ConvergenceService/IntegrateRound", request));
  PrintRoundAnswer(context, response, response.round());
  return ExitCode::kOk;
}

}  // namespace

void AddRoundIntegrate(CLI::App* round, Context* context) {
  CLI::App* command = AddCommand(
      round, "integrate",
      "Bring a ready round's branches onto its target. Answers at once; `round status --wait 10m "
      "--until ended` says how it went, and `operation cancel` stops it",
      "coordctl round integrate\n"
      "coordctl round integrate C-3 && coordctl round status C-3 --wait 10m --until ended");
  auto round_id = std::make_shared<std::string>();
  AddRoundArgument(command, round_id.get());
  AddRequestId(command, context);
  OnRun(command, context, [round_id](Context& c) { return Integrate(c, *round_id); });
}

}  // namespace coordhub::coordctl
