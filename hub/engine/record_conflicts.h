// Brings what comparing branches found into the log.

#pragma once

#include "absl/status/status.h"
#include "hub/core/conflict_changes.h"
#include "hub/engine/workspace.h"

namespace coordhub::engine {

// Makes the records of conflicts say what was found: commands of the hub's coordinator for what
// changed, none when nothing did. Blocks until that is durable; one thread at a time, not the
// sequencer's.
// Errors: those of Workspace::Submit (HUB_DRAINING, OVERLOADED, DISK_FULL). What was recorded by
// then stays; the next pass records the rest.
absl::Status RecordConflicts(Workspace* workspace, const core::ComparedBranches& found);

}  // namespace coordhub::engine
