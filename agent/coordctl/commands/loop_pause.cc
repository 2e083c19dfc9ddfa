#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/commands/loop_output.h"

namespace coordhub::coordctl {

void AddLoopPause(CLI::App* loop, Context* context) {
  CLI::App* command = AddCommand(
      loop, "pause", "Keep a loop from stepping, until it is resumed or the hub starts again",
      "coordctl --as operator loop pause comms");
  auto loop_id = AddLoopId(command);
  OnRun(command, context, [loop_id](Context& c) {
    return CallOnLoop<pb::PauseLoopRequest, pb::PauseLoopResponse>(
        c, "/coordhub.v1.HubService/PauseLoop", *loop_id);
  });
}

}  // namespace coordhub::coordctl
