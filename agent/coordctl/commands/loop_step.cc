#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/commands/loop_output.h"

namespace coordhub::coordctl {

void AddLoopStep(CLI::App* loop, Context* context) {
  CLI::App* command =
      AddCommand(loop, "step", "Step a loop at once, also a paused one, and wait until it is done",
                 "coordctl --as operator loop step monitor");
  auto loop_id = AddLoopId(command);
  OnRun(command, context, [loop_id](Context& c) {
    return CallOnLoop<pb::StepLoopRequest, pb::StepLoopResponse>(
        c, "/coordhub.v1.HubService/StepLoop", *loop_id);
  });
}

}  // namespace coordhub::coordctl
