// What a branch is against the target. Private to this folder.

#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "hub/git/changed_paths.h"
#include "hub/git/file_version.h"
#include "hub/git/git_command.h"
#include "hub/git/heads.h"
#include "hub/git/observation.h"

namespace coordhub::git {

// Finds them out, and remembers: paths by (merge base, head), everything by (branch, head, target).
// Not thread-safe; the repository's thread.
class BranchFacts {
 public:
  // Neither is owned; `cancel` ends git, which is asked about shallow histories.
  BranchFacts(git_repository* repository, const GitCancel* cancel)
      : repository_(repository), cancel_(cancel) {}

  // Begins a pass: from now on, what was asked for before Begin and is not asked for again until
  // the next Begin is forgotten. Asks once whether the repository is shallow.
  void Begin();

  // The branch as observed. `target`: where the target's head stands; null: there is no target.
  // Never fails: what cannot be read is told in `problem` and tried again next time.
  ObservedBranchPtr Find(const std::string& name, const git_oid& head,
                         const std::string& target_name, const git_oid* target,
                         bool matches_patterns);

 private:
  using PathsKey = std::pair<std::string, std::string>;
  using PathsPtr = std::shared_ptr<const ChangedPaths>;

  struct Known {
    ObservedBranchPtr observed;
    git_oid target{};
  };
  struct Relation {
    // Null: unrelated.
    std::unique_ptr<git_oid> merge_base;
    int ahead = 0;
    int behind = 0;
  };

  // What was found out before, if nothing of it changed; null otherwise.
  ObservedBranchPtr FindKnown(const std::string& name, const git_oid& head,
                              const std::string& target_name, const git_oid* target,
                              bool matches_patterns) const;
  absl::Status Fill(const git_oid& head, const git_oid& target, ObservedBranch* observed);
  absl::StatusOr<Relation> Relate(const git_oid& head, const git_oid& target);
  // By the git program, which knows where a shallow history ends.
  absl::StatusOr<Relation> RelateShallow(const git_oid& head, const git_oid& target);
  absl::StatusOr<PathsPtr> Paths(const git_oid* merge_base, const git_oid& head);

  git_repository* const repository_;
  const GitCancel* const cancel_;
  bool shallow_ = false;
  // Of the file that lists where a shallow history ends.
  FileVersion shallow_version_;
  std::map<std::string, Known> branches_;
  std::map<std::string, Known> previous_branches_;
  std::map<PathsKey, PathsPtr> paths_;
  std::map<PathsKey, PathsPtr> previous_paths_;
};

}  // namespace coordhub::git
