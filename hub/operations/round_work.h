// What integrating a round and planning it have in common: the round as work for git.

#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "coordhub/v1/convergence.pb.h"
#include "hub/core/records.h"
#include "hub/git/integrator.h"
#include "hub/operations/integration_plan.h"

namespace coordhub::operations {

// The members that still are to be brought along, at the commits that they declared ready (or, of
// those who did not, where their branches are).
std::vector<PlanMember> MembersOf(const core::View& view, const v1::Round& round);

// A trial by the git program. Remembers what it merged; pairs that the records know to conflict at
// these very commits it does not merge again.
class GitTrial final : public PlanTrial {
 public:
  // All of them outlive the trial.
  GitTrial(const core::View& view, const v1::Round& round, git::Integrator* git);

  absl::StatusOr<std::vector<std::string>> Conflicts(const std::string& a,
                                                     const std::string& b) override;
  absl::StatusOr<Stacked> Stack(const std::string& tip, const PlanMember& member) override;

 private:
  using Pair = std::pair<std::string, std::string>;

  absl::StatusOr<Stacked> FastForward(const std::string& tip, const PlanMember& member);
  absl::StatusOr<git::NewCommit> CommitFor(const std::string& tip, const PlanMember& member,
                                           const std::string& tree);
  std::string TrailersFor(const PlanMember& member) const;
  git::Person Committer();

  const core::View& view_;
  const v1::Round& round_;
  git::Integrator& git_;
  absl::flat_hash_map<Pair, std::vector<std::string>> known_;
};

// Whether all that the member has is on the target: its commit is an ancestor, or (squashed) it
// brings nothing that the target lacks.
absl::StatusOr<bool> IsOnTarget(git::Integrator* git, const std::string& commit,
                                const std::string& target_commit);

}  // namespace coordhub::operations
