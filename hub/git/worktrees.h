// Which worktrees a repository has. Private to this folder.

#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "hub/git/status_count.h"

namespace coordhub::git {

struct FoundWorktree {
  // Empty: the main one.
  std::string name;
  WorktreePlace place;
  // Short name; empty: detached. Also one without commits.
  std::string branch;
  // Hex, when detached.
  std::string detached_commit;
  // Why it is locked; empty: it is not.
  std::string lock_reason;
  // Why nothing more can be told of it (its directory is gone, say). Empty: nothing.
  std::string problem;
};

// Linked worktrees of a repository, as its git directory knows them, in no order. One that cannot
// be read is listed with its problem. Blocks; any thread.
std::vector<FoundWorktree> ListLinkedWorktrees(const std::string& common_dir);

// Drops those below `directory`, wherever links lead to it; none if it is empty.
void LeaveOutThoseBelow(const std::string& directory, std::vector<FoundWorktree>* worktrees);

// Where the main worktree is.
struct MainWorktree {
  // As git takes it.
  bool is_bare = false;
  // Its top directory, absolute, without a trailing slash. Empty: there is none, or the git
  // directory does not say where.
  std::string top;
};
// libgit2 is not asked: it does not read config.worktree, to which git moves core.bare and
// core.worktree, and takes the directory above any git directory for the worktree. `found_in`:
// where somebody believes the main worktree to be; taken only if it leads to `common_dir`, and for
// git directories that do not say. Blocks on the file system; any thread.
MainWorktree FindMainWorktree(const std::string& common_dir, const std::string& found_in);

// The main worktree, which must exist.
FoundWorktree ReadMainWorktree(const std::string& common_dir, const std::string& top);

}  // namespace coordhub::git
