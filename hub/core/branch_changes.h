// From an observation of git to commands.

#pragma once

#include <vector>

#include "coordhub/v1/repository.pb.h"
#include "hub/core/command.h"
#include "hub/core/records.h"

namespace coordhub::core {

// Whether two records of a branch say the same of git; whose it is, revisions and the time of the
// look are not asked.
bool SameAsObserved(const pb::Branch& a, const pb::Branch& b);

// What must be told to the writer so that the records say what was observed: nothing when they do,
// owners included. `observed`: all branches, in order of their names. In proportion to branches and
// agents. Any thread.
std::vector<ObserveBranches> BranchChanges(const View& view,
                                           const std::vector<const pb::Branch*>& observed);

}  // namespace coordhub::core
