#include <vector>

#include "hub/core/decide/commands.h"
#include "hub/core/decide/sessions.h"
#include "hub/core/records.h"

namespace coordhub::core {
namespace {

// Records of one event: even the largest then make an event that fits into every message.
constexpr int kAgentsPerEvent = 200;

}  // namespace

absl::Status DecideCommand(Context& context, const EndAllSessions& command) {
  const SessionEnd end = {.claims = ClaimFate::kLost, .reason = command.reason};
  std::vector<const pb::Agent*> live;
  for (auto agent = context.state.records().agents.Begin(); agent.Valid(); agent.Next()) {
    if (IsLive(*agent)) live.push_back(&*agent);
  }
  for (const pb::Agent* agent : live) EndClaims(context, agent->agent_id(), end);

  // That the log is another one is worth an event even if nobody was there.
  pb::Event* event = &context.draft.Add(pb::EVENT_KIND_WORKSPACE_RESTORED, command.reason);
  for (const pb::Agent* agent : live) {
    if (event->changes_size() == kAgentsPerEvent) {
      event = &context.draft.Add(pb::EVENT_KIND_WORKSPACE_RESTORED, command.reason);
    }
    context.draft.Put(*event, EndedAgent(context, *agent, end));
  }
  return absl::OkStatus();
}

}  // namespace coordhub::core
