// Where gates have their trees, temporary files and logs: one directory of the hub's own, in the
// state directory.
//
//   trees/<id>         a worktree of what is tried; gone when the run is over
//   tmp/<id>           TMPDIR of the run; the same
//   logs/<operation>   what it wrote (gate_log.h)
//
// The id of a run is that of its operation, or that with a step behind it: "O-17", "O-17.3".

#pragma once

#include <set>
#include <string>

#include "absl/status/status.h"

namespace coordhub::operations {

// In this state directory.
std::string GateScratchDir(const std::string& state_dir);

std::string GateTreesDir(const std::string& scratch_dir);
std::string GateTree(const std::string& scratch_dir, const std::string& id);
std::string GateTemporaryDir(const std::string& scratch_dir, const std::string& id);
// Of the operation, whichever step wrote last; `id` may be that of a step.
std::string GateLogPath(const std::string& scratch_dir, const std::string& id);

// What every process of a run has in its environment, and no other process on the machine.
std::string GateMark(const std::string& scratch_dir, const std::string& id);

// Makes the directories. Errors: STATE_DIR_UNUSABLE, IO_FAILED.
absl::Status PrepareGateScratch(const std::string& scratch_dir);

// Ends what is left of an operation's runs, and removes their trees and temporary files; the log
// stays. For when the hub that began them has ended. Errors: IO_FAILED.
absl::Status RemoveGateLeftovers(const std::string& common_dir, const std::string& scratch_dir,
                                 const std::string& operation_id);

// Removes the logs of all operations but these.
void PruneGateLogs(const std::string& scratch_dir, const std::set<std::string>& operation_ids);

}  // namespace coordhub::operations
