// What there is to tidy up, and what of it may be done without asking anybody else.

#pragma once

#include <string>
#include <vector>

#include "agent/coordctl/overview.h"
#include "agent/coordctl/session_store.h"

namespace coordhub::coordctl {

struct Chore {
  enum class Kind {
    kVerify,          // fold the journal and compare
    kCompact,         // drop events beyond those that are promised
    kPruneWorktrees,  // git's own records of worktrees whose directories are gone
    kForgetSessions,  // stored tokens of sessions that have ended
    kAdvice,          // for somebody to decide: never done here
  };
  Kind kind = Kind::kAdvice;
  std::string what;    // a sentence; may hold text from agents
  std::string advice;  // with kAdvice: the command, or what to look at
};

// What was found beside the hub's overview.
struct MaintenanceFacts {
  std::vector<std::string> prunable;  // git's words, one for each worktree that is gone
  std::vector<StoredSession> dead;
  int64_t loose_objects = 0;
  int64_t packs = 0;
};

// Pure. What is done never touches a branch, a commit, or a worktree that exists: those that seem
// to be of no use any more are named, with the command that removes them (and that refuses where
// work would be lost).
std::vector<Chore> PlanMaintenance(const Overview& overview, const MaintenanceFacts& facts);

// The numbers in what `git count-objects -v` prints.
void ParseCountObjects(const std::string& output, MaintenanceFacts* facts);

}  // namespace coordhub::coordctl
