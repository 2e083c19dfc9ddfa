// What the observation of git owes to agents and rounds.

#pragma once

#include <set>
#include <string>

#include "absl/time/time.h"
#include "hub/core/records.h"
#include "hub/git/observation.h"

namespace coordhub::loops {

// Branches to observe whatever their names: those that live agents have registered, and the members
// and targets of active rounds.
std::set<std::string> WantedBranches(const core::View& view);

// Members of active rounds that ask for clean worktrees whose worktrees have uncommitted work, as
// far as it was counted.
std::set<std::string> UncommittedMembers(const core::View& view, const git::Observation& seen);

// When the next member of an active round will have been lost for as long as its round waits;
// InfiniteFuture: none is lost, or no round drops any. Times of the wall clock.
absl::Time NextLostMember(const core::View& view);

}  // namespace coordhub::loops
