#include "hub/rpc/convergence_service.h"

#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "coordhub/v1/convergence_service.pb.h"
#include "hub/core/decide/refusals.h"
#include "hub/core/operation_id.h"
#include "hub/core/round_id.h"
#include "hub/git/observation.h"
#include "hub/operations/plan_round.h"
#include "hub/operations/workspace_operations.h"
#include "hub/rpc/gate_calls.h"
#include "hub/rpc/paging.h"
#include "hub/rpc/round_poll.h"

namespace coordhub::rpc {
namespace {

// A plan that is not found by then is the best of those that were.
constexpr absl::Duration kPlanTime = absl::Seconds(10);

// The numbers below which a page begins.
absl::StatusOr<int64_t> Ceiling(const std::string& after_key) {
  int64_t last = std::numeric_limits<int64_t>::max();
  if (after_key.empty() || (absl::SimpleAtoi(after_key, &last) && last > 0)) return last;
  return base::MakeError(base::pb::ERROR_REASON_PAGE_TOKEN_INVALID, "page_token is malformed");
}

absl::Status ListRounds(const Reading& reading, const v1::ListRoundsRequest& request,
                        v1::ListRoundsResponse* response) {
  const std::string query = QueryOf(request);
  HostedWorkspace* workspace = reading.scope.workspace;
  COORDHUB_ASSIGN_OR_RETURN(const PageStart start,
                            BeginPage(workspace, reading.view, request.page_token(), query));
  COORDHUB_ASSIGN_OR_RETURN(int64_t last, Ceiling(start.after_key));
  PageBudget budget(request.page_size());
  const auto& rounds = start.view->records.of<core::tables::Rounds>();
  bool more = false;
  for (auto round = rounds.Before(last); round.Valid(); round.Prev()) {
    more = !budget.Look();
    if (more) break;
    last = round.key();
    *response->add_rounds() = *round;
    budget.Take(*round);
  }
  if (more) {
    response->set_next_page_token(NextPage(workspace, start, absl::StrCat(last), query));
  }
  response->set_revision(start.view->revision);
  return absl::OkStatus();
}

// Where the target is checked out, git's own observation tells: so the answer is there at once. The
// integration asks again.
absl::Status CheckTarget(const CallScope& scope, const v1::IntegrateRoundRequest& request) {
  const ServedWorkspace& served = scope.workspace->served;
  const engine::ViewPtr view = scope.engine().view();
  const v1::Round* round =
      request.round_id().empty() && view->records.active_rounds.size() == 1
          ? &*view->records.active_rounds.Begin()
          : view->records.Find<core::tables::Rounds>(core::RoundNumber(request.round_id()));
  const git::ObservationPtr seen = served.observation ? served.observation() : nullptr;
  if (round == nullptr || seen == nullptr || round->policy().update_checkout()) {
    return absl::OkStatus();
  }
  for (const v1::Worktree& worktree : seen->worktrees) {
    if (worktree.branch() != round->target()) continue;
    return base::MakeError(
        v1::ERROR_REASON_TARGET_CHECKED_OUT,
        absl::StrCat(round->target(), " is checked out in ", worktree.path(),
                     ": check out something else there, or open the round with update_checkout"),
        {{"branch", round->target()}, {"worktree", worktree.path()}});
  }
  return absl::OkStatus();
}

// It is in the log; whoever does it is told now, also by a repeat.
absl::StatusOr<v1::IntegrateRoundResponse> AnswerIntegrate(const Committed& committed) {
  auto response = core::IntegrateRoundResponseOf(committed.outcome.events);
  auto* const long_work = committed.scope.workspace->served.operations;
  const auto* operation = committed.view->records.Find<core::tables::Operations>(
      core::OperationNumber(response.operation_id()));
  if (long_work != nullptr && operation != nullptr) {
    long_work->TakeUp(*operation, [](const absl::StatusOr<operations::Ended>&) {});
  }
  return response;
}

// On the thread for git.
void AnswerPlan(const UnaryCallPtr& call, const CallScope& scope, const v1::Round& round,
                const engine::ViewPtr& view) {
  const ServedWorkspace& served = scope.workspace->served;
  const git::ObservationPtr seen = served.observation ? served.observation() : nullptr;
  const operations::PlanPlace place = {.common_dir = served.common_dir,
                                       .main_worktree = seen == nullptr ? "" : seen->main_worktree};
  const base::Clock& clock = call->host().clock();
  auto plan = operations::PlanRound(*view, round, place, clock, clock.Mono() + kPlanTime);
  if (!plan.ok()) return call->Refuse(plan.status());
  plan->set_revision(view->revision);
  call->Answer(*plan);
}

void PlanIntegration(const UnaryCallPtr& call, const CallScope& scope,
                     const v1::PlanIntegrationRequest& request, const engine::ViewPtr& view) {
  v1::GetRoundRequest named;
  named.set_round_id(request.round_id());
  const absl::StatusOr<const v1::Round*> round = FindRound(scope, named, *view);
  if (!round.ok()) return call->Refuse(round.status());
  if (!core::IsActive(**round)) return call->Refuse(core::WrongRoundState(**round, "planned"));
  call->host().PostMerge([call, scope, round = **round, view](const absl::Status& go) {
    if (!go.ok()) return call->Refuse(go);
    AnswerPlan(call, scope, round, view);
  });
}

}  // namespace

ConvergenceService::ConvergenceService(std::shared_ptr<ServiceHost> host, const Gate* gate)
    : TypedService(
          v1::OpenRoundRequest::descriptor()->file()->FindServiceByName("ConvergenceService"),
          std::move(host), gate) {
  BindMutation<v1::OpenRoundRequest>("OpenRound", FromCommit(core::OpenRoundResponseOf));
  BindMutation<v1::DeclareReadyRequest>("DeclareReady", FromCommit(core::DeclareReadyResponseOf));
  BindMutation<v1::WithdrawReadyRequest>("WithdrawReady",
                                         FromCommit(core::WithdrawReadyResponseOf));
  BindMutation<v1::CancelRoundRequest>("CancelRound", FromCommit(core::CancelRoundResponseOf));
  BindMutation<v1::IntegrateRoundRequest>("IntegrateRound", AnswerIntegrate, CheckTarget);
  BindViewed<v1::PlanIntegrationRequest>("PlanIntegration", ReadCost::kLookup, PlanIntegration);
  BindViewed<v1::GetRoundRequest>("GetRound", ReadCost::kLookup, GetRound);
  BindRead<v1::ListRoundsRequest, v1::ListRoundsResponse>("ListRounds", ReadCost::kWalk,
                                                          ListRounds);
  BindMutation<v1::SetGateRequest>("SetGate", FromCommit(core::SetGateResponseOf));
  BindMutation<v1::DeleteGateRequest>("DeleteGate", FromCommit(core::DeleteGateResponseOf));
  BindMutation<v1::RunGateRequest>("RunGate", AnswerRunGate);
  BindRead<v1::ListGatesRequest, v1::ListGatesResponse>("ListGates", ReadCost::kWalk, ListGates);
  BindRead<v1::GetGateLogRequest, v1::GetGateLogResponse>("GetGateLog", ReadCost::kWalk,
                                                          GetGateLog);
}

}  // namespace coordhub::rpc
