// The content of shared_state/status.md.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "coordhub/v1/agent.pb.h"
#include "hub/core/records.h"

namespace coordhub::mirror {

// Agents listed by name; the rest is counted.
inline constexpr size_t kListedAgents = 200;

// What status.md shows beside the view.
struct StatusFacts {
  absl::Time now;
  absl::TimeZone zone;
  // Background processes of the hub that work; 0 once it has stopped.
  int active_processes = 0;
  // Of the main worktree; empty when HEAD is detached or there is none.
  std::string branch;
  // Live agents in order of their ids, with what responses add (state SUSPECT, last_seen_time,
  // claimed tickets); the first kListedAgents of them suffice.
  std::vector<v1::Agent> agents;
  // All of them.
  int64_t live_agents = 0;
};

// The headings and the first three items are those that scripts have always read; agents and
// tickets by state follow. Pure; any thread.
std::string RenderStatus(const core::View& view, const StatusFacts& facts);

}  // namespace coordhub::mirror
