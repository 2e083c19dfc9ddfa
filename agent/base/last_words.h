// What a hub left to be read when it lost its own directory: its log may be gone with it.

#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace coordhub::base {

struct LastWords {
  absl::Time time;
  int64_t pid = 0;
  std::string what;  // one line
};

// In a file beside the state directory, `<git common directory>/coordhub.stopped`. All three block
// on the file system. Errors: IO_FAILED, DISK_FULL.
absl::Status LeaveLastWords(const std::string& git_common_dir, const LastWords& words);
// Nullopt: there are none, or none that can be read.
std::optional<LastWords> ReadLastWords(const std::string& git_common_dir);
// Once a hub serves again. Fine when there are none.
void ForgetLastWords(const std::string& git_common_dir);

}  // namespace coordhub::base
