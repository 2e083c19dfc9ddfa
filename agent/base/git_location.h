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
  // The worktree's top directory; empty in a bare repository.
  std::string worktree_root;
  // The name of a linked worktree; empty for the main one and in a bare repository.
  std::string worktree_name;
  bool is_bare = false;
};

// The repository that `path`, an existing directory or file, lies in: its nearest ancestor that is
// one, not beyond the file system's border. The environment (GIT_DIR and so on) is not asked.
// Blocks on the file system. Thread-safe.
//
// Errors:
//   NOT_FOUND/WORKSPACE_NOT_FOUND  no repository there, one that git refuses to trust (another
//                                  owner), or a damaged one; the message tells. Metadata: `path`.
absl::StatusOr<GitLocation> LocateRepository(const std::string& path);

// Starts libgit2 for whoever uses it in this process, so that it reads repositories with those
// extensions that plain git sets by itself (`git sparse-checkout`, `git clone --filter`) and that
// change nothing of what we read. Idempotent, thread-safe; never undone.
void InitializeLibgit2();

}  // namespace coordhub::base
