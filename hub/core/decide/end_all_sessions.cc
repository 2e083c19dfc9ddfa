#include <cstddef>
#include <utility>
#include <vector>

#include "hub/core/decide/commands.h"
#include "hub/core/decide/sessions.h"
#include "hub/core/limits.h"
#include "hub/core/records.h"

namespace coordhub::core {
namespace {

// Of one event's changes, unless a single one has more: with what belongs to each, such an event
// fits into every message, whatever the agents are like.
constexpr size_t kBytesPerEvent = 256 << 10;

// Live agents to end now, by id: the last ones, so that none outlives the one that it is below.
std::vector<const pb::Agent*> LastLive(const State& state) {
  std::vector<const pb::Agent*> live;
  for (auto agent = state.records().of<tables::Agents>().Begin(); agent.Valid(); agent.Next()) {
    if (IsLive(*agent)) live.push_back(&*agent);
  }
  size_t first = live.size();
  for (int ended = 0; first > 0; --first) {
    ended += 1 + state.ClaimsHeldBy(live[first - 1]->agent_id());
    if (ended > limits::kEndedPerCommand) break;
  }
  live.erase(live.begin(), live.begin() + static_cast<std::ptrdiff_t>(first));
  return live;
}

}  // namespace

absl::Status DecideCommand(Context& context, const EndAllSessions& command) {
  const SessionEnd end = {.held = HeldFate::kLost, .reason = command.reason};
  const std::vector<const pb::Agent*> live = LastLive(context.state);
  for (const pb::Agent* agent : live) EndHoldings(context, agent->agent_id(), end);

  // That the log is another one is worth an event even if nobody was there.
  pb::Event* event = &context.draft.Add(pb::EVENT_KIND_WORKSPACE_RESTORED, command.reason);
  size_t bytes = 0;
  for (const pb::Agent* agent : live) {
    pb::Agent ended = EndedAgent(context, *agent, end);
    const size_t size = ended.ByteSizeLong();
    if (bytes > 0 && bytes + size > kBytesPerEvent) {
      event = &context.draft.Add(pb::EVENT_KIND_WORKSPACE_RESTORED, command.reason);
      bytes = 0;
    }
    bytes += size;
    context.draft.Put(*event, std::move(ended));
  }
  return absl::OkStatus();
}

}  // namespace coordhub::core
