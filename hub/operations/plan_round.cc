#include "hub/operations/plan_round.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <system_error>

#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "hub/git/integrator.h"
#include "hub/operations/round_work.h"

namespace coordhub::operations {
namespace {

constexpr int kPathsShown = 20;

// A directory of its own that goes with this.
class ScratchDirectory {
 public:
  static absl::StatusOr<std::unique_ptr<ScratchDirectory>> Make() {
    std::error_code none;
    std::string path =
        std::filesystem::temp_directory_path(none).string() + "/coordhub-plan-XXXXXX";
    if (mkdtemp(path.data()) == nullptr) return base::MakeIoError("make a directory", path, errno);
    return std::unique_ptr<ScratchDirectory>(new ScratchDirectory(path));
  }
  ~ScratchDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  explicit ScratchDirectory(std::string path) : path_(std::move(path)) {}

  const std::string path_;
};

v1::IntegrationStep StepOf(const PlanMember& member) {
  v1::IntegrationStep step;
  step.set_agent_id(member.agent_id);
  step.set_branch(member.branch);
  step.set_commit(member.commit);
  return step;
}

template <class Paths>
void AddPaths(const std::vector<std::string>& from, Paths* to) {
  for (const std::string& path : from) {
    if (to->size() == kPathsShown) return;
    *to->Add() = path;
  }
}

v1::PlanIntegrationResponse ResponseOf(const IntegrationPlan& plan) {
  v1::PlanIntegrationResponse response;
  for (const PlannedStep& step : plan.steps) *response.add_steps() = StepOf(step.member);
  for (const LeftOut& out : plan.left_out) {
    v1::IntegrationStep& step = *response.add_left_out();
    step = StepOf(out.member);
    step.set_conflicts_with(out.conflicts_with);
    step.set_reason(out.reason);
    AddPaths(out.paths, step.mutable_conflict_paths());
  }
  response.set_exact(plan.exact);
  if (plan.costliest.has_value()) {
    v1::CostliestConflict& costliest = *response.mutable_costliest();
    costliest.set_branch_a(plan.costliest->branch_a);
    costliest.set_branch_b(plan.costliest->branch_b);
    costliest.set_branches(plan.costliest->branches);
    AddPaths(plan.costliest->paths, costliest.mutable_paths());
  }
  return response;
}

}  // namespace

absl::StatusOr<v1::PlanIntegrationResponse> PlanRound(const core::View& view,
                                                      const v1::Round& round,
                                                      const PlanPlace& place,
                                                      const base::Clock& clock,
                                                      base::MonoTime late) {
  COORDHUB_ASSIGN_OR_RETURN(const auto scratch, ScratchDirectory::Make());
  COORDHUB_ASSIGN_OR_RETURN(
      const auto git,
      git::Integrator::Open(place.common_dir, place.main_worktree, scratch->path()));
  COORDHUB_ASSIGN_OR_RETURN(const std::string head, git->HeadOf(round.target()));
  GitTrial trial(view, round, git.get());
  COORDHUB_ASSIGN_OR_RETURN(const IntegrationPlan plan,
                            PlanOrder(round.target(), head, MembersOf(view, round), trial,
                                      [&] { return clock.Mono() >= late; }));
  return ResponseOf(plan);
}

}  // namespace coordhub::operations
