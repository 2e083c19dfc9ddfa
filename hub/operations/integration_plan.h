// In which order branches are brought onto a target, so that the most of them come along.

#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "hub/git/integrator.h"

namespace coordhub::operations {

struct PlanMember {
  std::string branch;
  // Empty: nobody's.
  std::string agent_id;
  std::string commit;
};

struct PlannedStep {
  PlanMember member;
  // The tip with it, in the objects that the trial made. The tip of before where there was nothing
  // to bring along.
  std::string tip;
};

struct LeftOut {
  PlanMember member;
  // The branch that it does not merge with, the target or one that comes along. Empty: with none by
  // itself, only with all together.
  std::string conflicts_with;
  std::vector<std::string> paths;
  std::string reason;
};

struct CostlyConflict {
  std::string branch_a;
  std::string branch_b;
  int branches = 0;
  std::vector<std::string> paths;
};

struct IntegrationPlan {
  std::vector<PlannedStep> steps;
  std::vector<LeftOut> left_out;
  // No order brings more along.
  bool exact = true;
  std::optional<CostlyConflict> costliest;
};

// Merging, as the planner needs it. An error ends the planning.
class PlanTrial {
 public:
  virtual ~PlanTrial() = default;

  // Whether two commits merge: paths that conflict; none: they do.
  virtual absl::StatusOr<std::vector<std::string>> Conflicts(const std::string& a,
                                                             const std::string& b) = 0;
  struct Stacked {
    // Empty: it does not go on top.
    std::string tip;
    std::vector<std::string> paths;
    std::string reason;
  };
  // Brings the member on top of `tip`.
  virtual absl::StatusOr<Stacked> Stack(const std::string& tip, const PlanMember& member) = 0;
};

// Members that conflict with each other in groups of up to this many are chosen from exactly.
inline constexpr int kExactGroup = 12;

// Plans for the target at `target_commit`. Of those that do not go together, the largest set that
// does, the first of several in the members' order; beyond kExactGroup by taking the one that the
// fewest others conflict with, again and again. What then does not stack is tried once more at the
// end, and left out. `is_late` ends the search for something better. Errors: those of the trial.
absl::StatusOr<IntegrationPlan> PlanOrder(const std::string& target,
                                          const std::string& target_commit,
                                          const std::vector<PlanMember>& members, PlanTrial& trial,
                                          const std::function<bool()>& is_late);

}  // namespace coordhub::operations
