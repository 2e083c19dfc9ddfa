#include "hub/git/changed_paths.h"

#include <string_view>

#include "agent/base/sha256.h"
#include "agent/base/status_macros.h"
#include "agent/base/text.h"
#include "hub/git/observation.h"
#include "hub/git/tree_walk.h"

namespace coordhub::git {

absl::StatusOr<ChangedPaths> ComparePaths(git_repository* repository, const git_oid* base,
                                          const git_oid& head) {
  ChangedPaths paths;
  base::Sha256Hasher hasher;
  TreeVisitor visitor;
  visitor.on_path = [&](const std::string& path, const git_tree_entry*, const git_tree_entry*) {
    ++paths.count;
    hasher.Update(path);
    hasher.Update(std::string_view("\0", 1));
    if (paths.first.size() < ObservedBranch::kMaxPaths)
      paths.first.push_back(base::ToValidUtf8(path));
  };
  COORDHUB_RETURN_IF_ERROR(WalkDifferences(repository, base, head, visitor));
  paths.digest = base::HexEncode(hasher.Finish());
  return paths;
}

}  // namespace coordhub::git
