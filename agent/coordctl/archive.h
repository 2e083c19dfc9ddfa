// A .tar.gz, made in memory.

#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace coordhub::coordctl {

struct ArchiveEntry {
  std::string name;  // a relative path of at most 99 bytes
  std::string content;
};

// The archive's bytes: regular files of mode 0600, all of `time`, in the order given. Pure.
//
// Errors:
//   INVALID_ARGUMENT/INVALID_FIELD  a name is empty or too long.
//   INTERNAL                        there is not enough memory.
absl::StatusOr<std::string> MakeTarGz(const std::vector<ArchiveEntry>& entries, absl::Time time);

}  // namespace coordhub::coordctl
