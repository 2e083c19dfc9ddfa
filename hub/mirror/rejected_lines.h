// What could not be read, kept for people: shared_state/.rejected.

#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "hub/mirror/shared_state_dir.h"

namespace coordhub::mirror {

// The most that is kept. What comes then stays where it is until somebody makes room.
inline constexpr int kRejectedFiles = 256;
inline constexpr int64_t kRejectedBytes = 64 << 20;

// Keeps text durably under the name of the file that it stood in. It may be kept twice when the
// hub is killed. Errors: LIMIT_REACHED (it is full), IO_FAILED, DISK_FULL.
absl::Status KeepLines(const SharedStateDir& directory, const std::string& name,
                       std::string_view text);

// Moves the whole file `file` of `directory` there.
absl::Status KeepFile(SharedStateDir* directory, const std::string& file, const std::string& name);

// Number of files that are kept.
int CountKept(const SharedStateDir& directory);

}  // namespace coordhub::mirror
