// The options under which a hub serves, kept for `coordhub restart` and for whoever looks for what
// they name.

#pragma once

#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/base/endpoint.h"
#include "hub/main/options.h"

namespace coordhub::hub {

struct SavedOptions {
  HubOptions hub;
  // Something else restarts the hub when it ends (systemd).
  bool supervised = false;
};

// Keeps them in the state directory of `plan`, mode 0600, until the next hub writes its own.
// Errors: IO_FAILED, DISK_FULL.
absl::Status SaveOptions(const WorkspacePlan& plan, const SavedOptions& options);

// Those that the directory of `plan` has; paths in the repository are right wherever that is by
// now. Where the state is they do not say: the repository does. Nullopt: no hub has kept any.
// Errors: IO_FAILED: unreadable; INVALID_FIELD: not ours, or of a version that knew other options.
absl::StatusOr<std::optional<SavedOptions>> LoadOptions(const WorkspacePlan& plan);

}  // namespace coordhub::hub
