// What would be lost where a checkout writes files: git protects untracked files, but takes those
// that it ignores for nobody's. Private to this folder.

#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace coordhub::git {

// A path that a checkout adds, relative to the worktree, and the blob that it gets, hex.
struct AddedPath {
  std::string path;
  std::string blob;
};

// Of what `git diff-tree --raw -r -z --no-renames --no-abbrev` printed, the paths that the first
// tree does not have as files of that kind.
std::vector<AddedPath> ParseAdded(const std::string& raw);

// Who knows the worktree; asked only about what lies in the way.
struct CheckoutKnowledge {
  // Whether the index has this very path.
  std::function<absl::StatusOr<bool>(const std::string& path)> is_tracked;
  // The blob that the file would be, hex.
  std::function<absl::StatusOr<std::string>(const std::string& path)> blob_of;
};

// The first file, relative to `worktree`, that the index does not have and that would not survive,
// whether it is ignored or not: it lies where one of `added` goes, with another content; where a
// directory for it goes; or below a directory that becomes a file. Empty: there is none.
absl::StatusOr<std::string> FindObstacle(const std::string& worktree,
                                         const std::vector<AddedPath>& added,
                                         const CheckoutKnowledge& knowledge);

}  // namespace coordhub::git
