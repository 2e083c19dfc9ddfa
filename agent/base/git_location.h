// Where a git repository is, found from any directory inside it.

#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace coordhub::base {

// All paths are absolute, without symbolic links and without a trailing slash.
struct GitLocation {
  // What all worktrees share: the main worktree's `.git`, or the bare repository itself. The
  // identity of a workspace.
  std::string common_dir;
  // This worktree's own git directory: `common_dir` for the main one, a directory under
  // `<common_dir>/worktrees/` for a linked one.
  std::string git_dir;
  // The worktree's top directory; empty in a bare repository, and within a git directory that
  // stands apart from its worktree and does not say where that is.
  std::string worktree_root;
  // The name of a linked worktree; empty for the main one and in a bare repository.
  std::string worktree_name;
  bool is_bare = false;
};

// The repository that `path`, an existing directory or file, lies in: found as git does it, by
// looking at files, without git and without a library of it. Any format is found that git has;
// whether it can be read is for whoever reads it. Its nearest ancestor that is one, not beyond the
// file system's border. Of the environment, GIT_DIR and its like are not asked, only what leads to
// the user's configuration.
// Blocks on the file system. Thread-safe.
//
// Errors:
//   NOT_FOUND/WORKSPACE_NOT_FOUND  no repository there, one that git refuses to trust (another
//                                  owner), or a damaged one; the message tells. Metadata: `path`.
absl::StatusOr<GitLocation> LocateRepository(const std::string& path);

}  // namespace coordhub::base
