#include "hub/main/operation_kinds.h"

#include <filesystem>
#include <string_view>
#include <utility>

#include "hub/operations/backup_kind.h"
#include "hub/operations/gate_kind.h"
#include "hub/operations/gate_scratch.h"
#include "hub/operations/integrate_kind.h"
#include "hub/operations/round_gate.h"
#include "hub/operations/verify_kind.h"
#include "hub/operations/worktree_kinds.h"

namespace coordhub::hub {
namespace {

std::filesystem::path RepositoryPath(const WorkspacePlan& plan) {
  return plan.main_worktree.empty() ? plan.common_dir : plan.main_worktree;
}

operations::WorktreeSurroundings ForWorktrees(const OperationSurroundings& around) {
  operations::WorktreeSurroundings surroundings;
  surroundings.workspace = around.workspace;
  surroundings.observer = around.observer;
  surroundings.requests = around.worktrees;
  surroundings.common_dir = around.plan.common_dir;
  surroundings.found_in = around.plan.main_worktree;
  surroundings.agents_root = RepositoryPath(around.plan).parent_path().string();
  if (!around.plan.mirror_dir.empty()) {
    surroundings.link_path = around.shared_state_path;
    surroundings.link_target = around.plan.mirror_dir;
  }
  return surroundings;
}

std::unique_ptr<operations::OperationKind> MakeIntegrate(const OperationSurroundings& around,
                                                         const std::string& scratch_dir) {
  operations::IntegrateKind::Options options;
  options.workspace = around.workspace;
  options.common_dir = around.plan.common_dir;
  options.main_worktree = around.main_worktree;
  options.gate_scratch_dir = scratch_dir;
  options.run_gate = [place = operations::RoundGatePlace{.common_dir = around.plan.common_dir,
                                                         .scratch_dir = scratch_dir}](
                         operations::OperationContext& context, const v1::Gate& gate,
                         const std::string& commit, int step) {
    return operations::RunRoundGate(place, context, gate, commit, step);
  };
  return std::make_unique<operations::IntegrateKind>(std::move(options));
}

}  // namespace

std::vector<std::unique_ptr<operations::OperationKind>> MakeOperationKinds(
    const OperationSurroundings& around) {
  const std::string scratch_dir = operations::GateScratchDir(around.plan.state.dir());
  std::vector<std::unique_ptr<operations::OperationKind>> kinds;
  kinds.push_back(std::make_unique<operations::BackupKind>(around.workspace));
  kinds.push_back(std::make_unique<operations::VerifyKind>(around.workspace));
  kinds.push_back(std::make_unique<operations::GateKind>(
      operations::GateKindOptions{.workspace = around.workspace,
                                  .common_dir = around.plan.common_dir,
                                  .scratch_dir = scratch_dir}));
  kinds.push_back(MakeIntegrate(around, scratch_dir));
  const operations::WorktreeSurroundings surroundings = ForWorktrees(around);
  kinds.push_back(std::make_unique<operations::CreateWorktreeKind>(surroundings));
  kinds.push_back(std::make_unique<operations::RemoveWorktreeKind>(surroundings));
  return kinds;
}

std::string WorktreesRoot(const WorkspacePlan& plan) {
  const std::filesystem::path repository = RepositoryPath(plan);
  std::string name = repository.filename().string();
  constexpr std::string_view kSuffix = ".git";
  if (name.size() > kSuffix.size() && name.ends_with(kSuffix)) {
    name.resize(name.size() - kSuffix.size());
  }
  return (repository.parent_path() / (name + "-worktrees")).string();
}

}  // namespace coordhub::hub
