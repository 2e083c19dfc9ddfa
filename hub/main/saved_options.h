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

// Keeps them in the state directory, mode 0600, until the next hub writes its own.
// Errors: IO_FAILED, DISK_FULL.
absl::Status SaveOptions(const base::StatePaths& state, const SavedOptions& options);

// Nullopt: no hub has kept any. Errors: IO_FAILED: unreadable; INVALID_FIELD: not ours, or of a
// version that knew other options.
absl::StatusOr<std::optional<SavedOptions>> LoadOptions(const base::StatePaths& state);

}  // namespace coordhub::hub
