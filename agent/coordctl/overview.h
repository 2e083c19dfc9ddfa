// What a hub, its loops, agents and repository are doing at one moment.

#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/client/client.h"
#include "agent/coordctl/claim_age.h"
#include "coordhub/v1/convergence_service.pb.h"
#include "coordhub/v1/repository_service.pb.h"

namespace coordhub::coordctl {

namespace pb = ::coordhub::v1;

// A listing, and why it is empty if it could not be read.
template <class Item>
struct Listed {
  std::vector<Item> items;
  absl::Status status;
};

// When a claim ends unless its holder is heard of.
struct ClaimDeadline {
  std::string ticket_id;
  std::string agent_id;
  int64_t fence = 0;
  absl::Duration left;
  bool by_session = true;  // else by the claim's own timeout
  // Its holder has been silent for more than half of its TTL, or less than a minute of its own
  // timeout is left.
  bool soon = false;
};

struct Overview {
  absl::Time time;  // when it was read, by the reader's clock
  pb::GetHubResponse hub;
  Listed<pb::Loop> loops;
  Listed<pb::Agent> agents;              // that live
  std::vector<pb::Ticket> claimed;       // tickets, those held longest first
  absl::Duration claim_age = kClaimAge;  // beyond which a claim is called out
  std::vector<ClaimDeadline> claims;     // all of them, the first to end first
  pb::GetRepositoryStatusResponse repository;
  absl::Status repository_status;
  Listed<pb::Branch> branches;
  Listed<pb::Worktree> worktrees;
  Listed<pb::Conflict> conflicts;
  Listed<pb::Round> rounds;  // that are not finished
};

// Asks the hub for everything at once; blocks until all has been answered. What this hub does not
// have (NOT_IMPLEMENTED), or one that has just begun has not observed yet, is left empty, its
// status OK; other troubles with a part are its status.
//
// Errors: those of GetHub, ListAgents and ListTickets, without which there is nothing to show.
absl::StatusOr<Overview> ReadOverview(const agent::Client& client, const base::Clock& clock);

// What is not as it should be, each in a sentence that says what to do. Empty: all is well. A loop
// that somebody paused, and agents that are silent, are as somebody wants them to be.
std::vector<std::string> ProblemsOf(const Overview& overview);

// Whether a claim is held for longer than `overview.claim_age`.
bool IsOldClaim(const Overview& overview, const pb::Ticket& ticket);

// Whether the loop does its work, now or when somebody resumes it.
bool IsHealthy(const pb::Loop& loop);

}  // namespace coordhub::coordctl
