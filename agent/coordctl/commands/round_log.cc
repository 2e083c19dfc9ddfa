#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/commands/gate_output.h"

namespace coordhub::coordctl {

void AddRoundLog(CLI::App* round, Context* context) {
  CLI::App* command =
      AddCommand(round, "log",
                 "Print what the gate of a round's last integration wrote: the last 256 KiB of it",
                 "coordctl round log\n"
                 "coordctl round log C-3 --json | jq -r .text");
  auto round_id = std::make_shared<std::string>();
  command->add_option("ROUND", *round_id, "Its id, C-3; default: the newest");
  OnRun(command, context, [round_id](Context& c) {
    pb::GetGateLogRequest request;
    request.set_round_id(*round_id);
    return PrintGateLog(c, request);
  });
}

}  // namespace coordhub::coordctl
