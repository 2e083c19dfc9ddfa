// Where the state of a repository is when it is not beside it: kept across stops, so that whoever
// once started with --state-dir goes on with the same journal.

#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/base/endpoint.h"

namespace coordhub::hub {

// From now on the repository's state is `state`; beside the repository: there is nothing to keep.
// The directory <common dir>/coordhub is made when missing. Blocks; durable on return.
// Errors: STATE_DIR_UNUSABLE, IO_FAILED, DISK_FULL.
absl::Status PointToState(const std::string& common_dir, const base::StatePaths& state);

// Nullopt: it is beside the repository, or nobody has said. Blocks.
// Errors: IO_FAILED: unreadable; INVALID_FIELD: not ours.
absl::StatusOr<std::optional<std::string>> ReadStatePointer(const std::string& common_dir);

}  // namespace coordhub::hub
