// What was seen of a repository at one moment. Values; whoever holds them may read them on any
// thread.

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "coordhub/v1/repository.pb.h"

namespace coordhub::git {

// A branch. Immutable: as long as nothing about a branch changes, observations share one.
struct ObservedBranch {
  // Without owner, observe_time and mod_revision. Everything in it is valid UTF-8.
  v1::Branch branch;
  // The first kMaxPaths of the changed paths, in byte order, made valid UTF-8.
  std::vector<std::string> paths;
  // Whether the name matches one of the hub's patterns (and not only an agent's branch).
  bool matches_patterns = false;

  // What one listing shows of a branch; its count and digest cover all paths.
  static constexpr size_t kMaxPaths = 1000;
};
using ObservedBranchPtr = std::shared_ptr<const ObservedBranch>;

struct Observation {
  bool is_bare = false;
  // The main worktree's top directory; empty in a bare repository, and where nobody can tell.
  std::string main_worktree;
  // What `git branch --show-current` prints in the main worktree (or the bare repository): empty
  // when detached.
  std::string current_branch;
  // What counts and merge bases refer to, and its head (hex). Both empty: there is no such branch.
  std::string target;
  std::string target_commit;
  // Whether there is a directory ObserverOptions::shared_state.
  bool shared_state_exists = false;
  // In order of their names: those that match the patterns and those that agents registered.
  std::vector<ObservedBranchPtr> branches;
  // How many of them match the patterns.
  int conversation_branch_count = 0;
  // In order of their paths, without owners; the main one has no name.
  std::vector<v1::Worktree> worktrees;
  // When the repository was looked at.
  absl::Time time;
  // What cannot be observed, or only more slowly than it should, one sentence each; for people.
  std::vector<std::string> problems;

  // The main worktree; null where there is none.
  const v1::Worktree* FindMainWorktree() const;
  // Null: no such branch, or it is not observed.
  const ObservedBranch* FindBranch(const std::string& name) const;
};
using ObservationPtr = std::shared_ptr<const Observation>;

}  // namespace coordhub::git
