// The hub's secret files.

#pragma once

#include <functional>
#include <string>

#include "absl/status/statusor.h"

namespace coordhub::hub {

// The secret in the file `path`: what stands there, or else what `make` gives, written there with
// mode 0600. The caller holds the lock of the directory. Errors: STATE_DIR_UNUSABLE (path): the
// file is open to others, another user's, or empty; IO_FAILED, DISK_FULL.
absl::StatusOr<std::string> LoadOrMakeSecret(const std::string& path,
                                             const std::function<std::string()>& make);

}  // namespace coordhub::hub
