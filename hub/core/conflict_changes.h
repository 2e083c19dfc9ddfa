// From what comparing branches found to commands.

#pragma once

#include <string>
#include <vector>

#include "coordhub/v1/repository.pb.h"
#include "hub/core/command.h"
#include "hub/core/records.h"

namespace coordhub::core {

// What one pass over all branches found.
struct ComparedBranches {
  // Pairs that do not merge, or of which nobody can tell (`problem`); by (branch_a, branch_b), the
  // lesser name first, without owners, open_time and mod_revision.
  std::vector<pb::Conflict> conflicts;
  // Every branch whose pairs were all compared, at its head then; and those that are not compared
  // any more, with no head, whose conflicts are over. By name.
  std::vector<ObserveConflicts::Compared> compared;
};

// Whether two records of a conflict say the same of git and of whom it concerns.
bool SameConflict(const pb::Conflict& a, const pb::Conflict& b);

// What must be told to the writer so that the records say what was found: nothing when they do.
// Conflicts of pairs of which a branch is not among `compared` stay as they are. What was compared
// comes last, so that nobody sees a branch as compared whose conflicts are not in the log yet. Any
// thread.
std::vector<ObserveConflicts> ConflictChanges(const View& view, const ComparedBranches& found);

}  // namespace coordhub::core
