#include "hub/rpc/gate_calls.h"

#include <string>
#include <utility>

#include "agent/base/status_macros.h"
#include "hub/core/decide/refusals.h"
#include "hub/core/operation_id.h"
#include "hub/core/response.h"
#include "hub/core/round_id.h"
#include "hub/operations/gate_log.h"
#include "hub/operations/gate_scratch.h"
#include "hub/operations/workspace_operations.h"
#include "hub/rpc/paging.h"

namespace coordhub::rpc {
namespace {

// The operation whose log is meant; empty: nothing ran.
absl::StatusOr<std::string> OperationOfLog(const core::View& view,
                                           const v1::GetGateLogRequest& request) {
  if (!request.gate_id().empty()) {
    const auto* gate = view.records.Find<core::tables::Gates>(request.gate_id());
    if (gate == nullptr) return core::GateNotFound(request.gate_id());
    return gate->operation_id();
  }
  const auto& rounds = view.records.of<core::tables::Rounds>();
  if (request.round_id().empty()) {
    const auto newest = rounds.Last();
    if (!newest.Valid()) return core::RoundNotFound("");
    return newest->operation_id();
  }
  const auto* round =
      view.records.Find<core::tables::Rounds>(core::RoundNumber(request.round_id()));
  if (round == nullptr) return core::RoundNotFound(request.round_id());
  return round->operation_id();
}

}  // namespace

absl::StatusOr<v1::RunGateResponse> AnswerRunGate(const Committed& committed) {
  auto response = core::RunGateResponseOf(committed.outcome.events);
  const core::Records& records = committed.view->records;
  const auto* operation =
      records.Find<core::tables::Operations>(core::OperationNumber(response.operation_id()));
  // A repeat may come after it was forgotten.
  if (operation == nullptr) return response;
  const auto* gate = records.Find<core::tables::Gates>(operation->subject());
  if (gate != nullptr) *response.mutable_gate() = *gate;
  auto* const operations = committed.scope.workspace->served.operations;
  const auto nobody_waits = [](const absl::StatusOr<operations::Ended>&) {};
  if (operations != nullptr) operations->TakeUp(*operation, nobody_waits);
  return response;
}

absl::Status ListGates(const Reading& reading, const v1::ListGatesRequest& request,
                       v1::ListGatesResponse* response) {
  const std::string query = QueryOf(request);
  HostedWorkspace* workspace = reading.scope.workspace;
  COORDHUB_ASSIGN_OR_RETURN(const PageStart start,
                            BeginPage(workspace, reading.view, request.page_token(), query));
  PageBudget budget(request.page_size());
  std::string last = start.after_key;
  for (auto gate = start.view->records.of<core::tables::Gates>().LowerBound(last); gate.Valid();
       gate.Next()) {
    if (gate.key() == last) continue;
    if (!budget.Look()) {
      response->set_next_page_token(NextPage(workspace, start, last, query));
      break;
    }
    last = gate.key();
    *response->add_gates() = *gate;
    budget.Take(*gate);
  }
  response->set_revision(start.view->revision);
  return absl::OkStatus();
}

absl::Status GetGateLog(const Reading& reading, const v1::GetGateLogRequest& request,
                        v1::GetGateLogResponse* response) {
  COORDHUB_ASSIGN_OR_RETURN(const std::string operation_id, OperationOfLog(*reading.view, request));
  response->set_revision(reading.view->revision);
  if (operation_id.empty()) return absl::OkStatus();
  const std::string scratch = operations::GateScratchDir(reading.scope.workspace->served.state_dir);
  COORDHUB_ASSIGN_OR_RETURN(
      operations::GateLog::Text log,
      operations::GateLog::Read(operations::GateLogPath(scratch, operation_id)));
  response->set_operation_id(operation_id);
  response->set_text(std::move(log.text));
  response->set_omitted_bytes(log.omitted_bytes);
  return absl::OkStatus();
}

}  // namespace coordhub::rpc
