#include "hub/operations/integrate_kind.h"

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/log.h"
#include "agent/base/status_macros.h"
#include "hub/core/round_id.h"
#include "hub/git/integrator.h"
#include "hub/operations/gate_scratch.h"
#include "hub/operations/integration.h"

namespace coordhub::operations {
namespace {

// The round, if this operation is the one that integrates it; null: it was concluded.
const v1::Round* RoundOf(const core::View& view, const v1::Operation& operation) {
  const auto* round =
      view.records.Find<core::tables::Rounds>(core::RoundNumber(operation.subject()));
  const bool integrates = round != nullptr && round->state() == v1::Round::STATE_INTEGRATING &&
                          round->operation_id() == operation.operation_id();
  return integrates ? round : nullptr;
}

}  // namespace

absl::StatusOr<OperationResult> IntegrateKind::Run(OperationContext& context) {
  const engine::ViewPtr view = options_.workspace->view();
  const v1::Round* round = RoundOf(*view, context.operation());
  if (round == nullptr) {
    return base::MakeError(v1::ERROR_REASON_ROUND_STATE,
                           absl::StrCat(context.operation().subject(), " is not INTEGRATING"),
                           {{"round_id", context.operation().subject()}});
  }
  COORDHUB_ASSIGN_OR_RETURN(const std::unique_ptr<git::Integrator> git,
                            git::Integrator::Open(options_.common_dir, options_.main_worktree));
  RoundIntegration integration(options_, context, git.get(), view, *round);
  absl::StatusOr<OperationResult> result = integration.Run();
  if (result.ok()) return result;
  COORDHUB_RETURN_IF_ERROR(integration.GiveBack(std::string(result.status().message())));
  return result;
}

Recovery IntegrateKind::Recover(OperationContext& context) {
  if (!options_.gate_scratch_dir.empty()) {
    const absl::Status removed = RemoveGateLeftovers(options_.common_dir, options_.gate_scratch_dir,
                                                     context.operation().operation_id());
    if (!removed.ok()) {
      base::Log(base::LogLevel::kWarning, "what a gate left behind cannot be removed",
                {{"operation", context.operation().operation_id()}, {"error", removed.ToString()}});
    }
  }
  const engine::ViewPtr view = options_.workspace->view();
  const v1::Round* round = RoundOf(*view, context.operation());
  // It was concluded, and the hub ended before it could say so of the operation.
  if (round == nullptr)
    return {.state = v1::Operation::STATE_DONE, .note = "concluded", .error = ""};
  const auto failed = [](v1::Operation::State state, const absl::Status& why) {
    return Recovery{.state = state, .note = "", .error = std::string(why.message())};
  };
  auto git = git::Integrator::Open(options_.common_dir, options_.main_worktree);
  if (!git.ok()) return failed(v1::Operation::STATE_RUNNING, git.status());
  RoundIntegration integration(options_, context, git->get(), view, *round);
  const absl::StatusOr<bool> finished = integration.FinishMoved();
  if (finished.ok() && *finished) {
    return {.state = v1::Operation::STATE_DONE, .note = "finished after a restart", .error = ""};
  }
  // What stands in the way of telling is for people: the round waits for them, and says so.
  const std::string why =
      finished.ok() ? std::string("the hub ended before the target was moved: integrate again")
                    : absl::StrCat(
                          "the hub ended while the target was moved, and cannot tell "
                          "what became of it: ",
                          std::string(finished.status().message()));
  const absl::Status given_back = integration.GiveBack(why);
  if (!given_back.ok()) return failed(v1::Operation::STATE_RUNNING, given_back);
  return failed(v1::Operation::STATE_FAILED, absl::UnavailableError(why));
}

}  // namespace coordhub::operations
