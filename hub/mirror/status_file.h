// The content of shared_state/status.md.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "coordhub/v1/agent.pb.h"
#include "coordhub/v1/convergence.pb.h"
#include "coordhub/v1/hub.pb.h"
#include "coordhub/v1/repository.pb.h"
#include "hub/core/records.h"

namespace coordhub::mirror {

// Agents listed by name; the rest is counted.
inline constexpr size_t kListedAgents = 200;

// What status.md shows beside the view.
struct StatusFacts {
  absl::Time now;
  absl::TimeZone zone;
  // Those that run are the active processes.
  std::vector<v1::Loop> loops;
  // Of the main worktree; empty when HEAD is detached or there is none.
  std::string branch;
  // Live agents in order of their ids, with what responses add (state SUSPECT, last_seen_time,
  // claimed tickets); the first kListedAgents of them suffice.
  std::vector<v1::Agent> agents;
  // All of them.
  int64_t live_agents = 0;
  std::vector<v1::Conflict> conflicts;
  // The active ones are shown.
  std::vector<v1::Round> rounds;
  // What people should know about shared_state/ itself, a line each.
  std::vector<std::string> notices;
};

// The headings and the first three items are those that scripts have always read; agents, tickets
// by state, conflicts, loops and the round follow. Pure; any thread.
std::string RenderStatus(const core::View& view, const StatusFacts& facts);

}  // namespace coordhub::mirror
