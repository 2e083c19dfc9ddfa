// Brings what was observed of git into the log.

#pragma once

#include <vector>

#include "absl/status/status.h"
#include "coordhub/v1/repository.pb.h"
#include "hub/engine/workspace.h"

namespace coordhub::engine {

// Makes the records of branches say what was observed: commands of the hub's coordinator for what
// changed, none when nothing did; then tells the workspace up to which revision git is in the log.
// `observed`: all branches, in order of their names. Blocks until that is durable; one thread at a
// time, not the sequencer's.
// Errors: those of Workspace::Submit (HUB_DRAINING, OVERLOADED, DISK_FULL). What was recorded by
// then stays; the next observation records the rest.
absl::Status RecordBranches(Workspace* workspace, const std::vector<const v1::Branch*>& observed);

}  // namespace coordhub::engine
