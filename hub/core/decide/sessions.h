// How a session ends: what it holds, its sub-agents and itself, in one commit.

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "coordhub/v1/agent.pb.h"
#include "hub/core/decide/context.h"

namespace coordhub::core {

// What becomes of what it holds.
enum class HeldFate {
  // The holder left in good order: the attempts of claims are given back.
  kGivenBack,
  // The holder is gone: the attempts count.
  kLost,
};

struct SessionEnd {
  // LEFT or EXPIRED.
  v1::Agent::State state = v1::Agent::STATE_LEFT;
  HeldFate held = HeldFate::kLost;
  // In words: `Agent.end_reason`, and the reason of every event.
  std::string reason;
  // With EXPIRED.
  std::optional<absl::Duration> silent_for;
};

// What ends with one session: the agent that nobody registered below another, and all its live
// sub-agents.
struct Family {
  int sub_agents = 0;
  int claims = 0;
};
// The family that a live agent belongs to.
Family FamilyOf(const State& state, const v1::Agent& agent);

// Ends the session of a live agent: first those of its sub-agents, then what it holds, then itself,
// so that at no revision anything outlives its session. The last AGENT_* event is its
// own.
void EndSession(Context& context, const v1::Agent& agent, const SessionEnd& end);

// Only what it holds: claims, reservations. The list of the kinds is in sessions.cc.
void EndHoldings(Context& context, const std::string& agent_id, const SessionEnd& end);

// The agent's record once its session has ended.
v1::Agent EndedAgent(const Context& context, const v1::Agent& agent, const SessionEnd& end);

}  // namespace coordhub::core
