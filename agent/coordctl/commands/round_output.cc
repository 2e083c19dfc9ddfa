#include "agent/coordctl/commands/round_output.h"

#include <ostream>

#include "agent/coordctl/json_output.h"
#include "agent/coordctl/views.h"

namespace coordhub::coordctl {

void PrintRoundAnswer(Context& context, const google::protobuf::Message& answer,
                      const pb::Round& round) {
  if (context.json()) {
    context.out() << ToJson(answer, context.host().out_is_terminal) << "\n";
  } else {
    context.out() << RoundText(context, round, context.host().clock->Wall());
  }
}

void AddRoundArgument(CLI::App* command, std::string* round_id) {
  command->add_option("ROUND", *round_id, "Its id, C-3; without: the active one");
}

ExitCode ExitCodeOf(const pb::Round& round) {
  switch (round.state()) {
    case pb::Round::STATE_CONVERGED:
      return ExitCode::kOk;
    case pb::Round::STATE_READY:
    case pb::Round::STATE_INTEGRATING:
      return ExitCode::kReady;
    case pb::Round::STATE_OPEN:
      return ExitCode::kNothingReady;
    default:
      return ExitCode::kRefused;
  }
}

}  // namespace coordhub::coordctl
