// Which paths differ between two commits. Private to this folder.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "hub/git/library.h"

namespace coordhub::git {

struct ChangedPaths {
  int64_t count = 0;
  // Hex SHA-256 over all of them in byte order, each ended by a zero byte.
  std::string digest;
  // The first ObservedBranch::kMaxPaths, made valid UTF-8.
  std::vector<std::string> first;
};

// Walks both trees and passes over subtrees that are the same: costs are in proportion to what
// differs. `base`: null stands for the empty tree. Blocks; the repository's thread.
// Errors: IO_FAILED (an object that is missing or damaged).
absl::StatusOr<ChangedPaths> ComparePaths(git_repository* repository, const git_oid* base,
                                          const git_oid& head);

}  // namespace coordhub::git
