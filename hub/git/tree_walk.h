// What differs between the trees of two commits, place by place. Private to this folder.

#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "hub/git/library.h"

namespace coordhub::git {

struct TreeVisitor {
  // A path whose content or mode differs; a submodule is one. Null: it is not there on that side.
  // In byte order.
  std::function<void(const std::string& path, const git_tree_entry* before,
                     const git_tree_entry* after)>
      on_path;
  // A directory (no trailing slash) that is no directory any more, before what was in it. Null:
  // nobody asks.
  std::function<void(const std::string& path)> on_gone_directory;
};

// Walks both trees and passes over subtrees that are the same: costs are in proportion to what
// differs. `base`: null stands for the empty tree. Blocks; the repository's thread.
// Errors: IO_FAILED (an object that is missing or damaged).
absl::Status WalkDifferences(git_repository* repository, const git_oid* base, const git_oid& head,
                             const TreeVisitor& visitor);

}  // namespace coordhub::git
