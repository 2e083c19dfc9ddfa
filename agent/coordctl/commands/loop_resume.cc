#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/commands/loop_output.h"

namespace coordhub::coordctl {

void AddLoopResume(CLI::App* loop, Context* context) {
  CLI::App* command = AddCommand(loop, "resume", "End a pause, with a step at once",
                                 "coordctl --as operator loop resume comms");
  auto loop_id = AddLoopId(command);
  OnRun(command, context, [loop_id](Context& c) {
    return CallOnLoop<pb::ResumeLoopRequest, pb::ResumeLoopResponse>(
        c, "/coordhub.v1.HubService/ResumeLoop", *loop_id);
  });
}

}  // namespace coordhub::coordctl
