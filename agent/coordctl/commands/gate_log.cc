#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/commands/gate_output.h"

namespace coordhub::coordctl {

void AddGateLog(CLI::App* gate, Context* context) {
  CLI::App* command = AddCommand(
      gate, "log", "Print what a gate wrote when it last ran on its target: the last 256 KiB of it",
      "coordctl gate log tests\n"
      "coordctl gate log tests --json | jq -r .text");
  auto gate_id = std::make_shared<std::string>();
  command->add_option("GATE", *gate_id, "Its name")->required();
  OnRun(command, context, [gate_id](Context& c) {
    pb::GetGateLogRequest request;
    request.set_gate_id(*gate_id);
    return PrintGateLog(c, request);
  });
}

}  // namespace coordhub::coordctl
