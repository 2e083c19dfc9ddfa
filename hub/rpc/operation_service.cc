#include "hub/rpc/operation_service.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "hub/core/decide/refusals.h"
#include "hub/core/operation_id.h"
#include "hub/operations/workspace_operations.h"
#include "hub/rpc/paging.h"

namespace coordhub::rpc {
namespace {

absl::Status GetOperation(const Reading& reading, const v1::GetOperationRequest& request,
                          v1::GetOperationResponse* response) {
  const auto* operation = reading.view->records.Find<core::tables::Operations>(
      core::OperationNumber(request.operation_id()));
  if (operation == nullptr) return core::OperationNotFound(request.operation_id());
  *response->mutable_operation() = *operation;
  response->set_revision(reading.view->revision);
  return absl::OkStatus();
}

bool Matches(const v1::ListOperationsRequest& request, const v1::Operation& operation) {
  return request.states().empty() || std::find(request.states().begin(), request.states().end(),
                                               operation.state()) != request.states().end();
}

// The numbers below which a page begins.
absl::StatusOr<int64_t> Ceiling(const std::string& after_key) {
  int64_t last = std::numeric_limits<int64_t>::max();
  if (after_key.empty() || (absl::SimpleAtoi(after_key, &last) && last > 0)) return last;
  return base::MakeError(base::pb::ERROR_REASON_PAGE_TOKEN_INVALID, "page_token is malformed");
}

absl::Status ListOperations(const Reading& reading, const v1::ListOperationsRequest& request,
                            v1::ListOperationsResponse* response) {
  const std::string query = QueryOf(request);
  HostedWorkspace* workspace = reading.scope.workspace;
  COORDHUB_ASSIGN_OR_RETURN(const PageStart start,
                            BeginPage(workspace, reading.view, request.page_token(), query));
  COORDHUB_ASSIGN_OR_RETURN(int64_t last, Ceiling(start.after_key));
  const auto& all = start.view->records.of<core::tables::Operations>();
  PageBudget budget(request.page_size());
  bool more = false;
  for (auto operation = all.Before(last); operation.Valid(); operation.Prev()) {
    more = !budget.Look();
    if (more) break;
    last = operation.key();
    if (!Matches(request, *operation)) continue;
    *response->add_operations() = *operation;
    budget.Take(*operation);
  }
  if (more) {
    response->set_next_page_token(NextPage(workspace, start, absl::StrCat(last), query));
  }
  response->set_revision(start.view->revision);
  return absl::OkStatus();
}

// The wish is in the log; who does the work is told now, also by a repeat.
absl::StatusOr<v1::CancelOperationResponse> AnswerCancel(const Committed& committed) {
  auto response = core::CancelOperationResponseOf(committed.outcome.events);
  auto* const operations = committed.scope.workspace->served.operations;
  if (operations != nullptr) operations->AskToStop(response.operation().operation_id());
  return response;
}

}  // namespace

OperationService::OperationService(std::shared_ptr<ServiceHost> host, const Gate* gate)
    : TypedService(
          v1::GetOperationRequest::descriptor()->file()->FindServiceByName("OperationService"),
          std::move(host), gate) {
  BindRead<v1::GetOperationRequest, v1::GetOperationResponse>("GetOperation", ReadCost::kLookup,
                                                              GetOperation);
  BindRead<v1::ListOperationsRequest, v1::ListOperationsResponse>("ListOperations", ReadCost::kWalk,
                                                                  ListOperations);
  BindMutation<v1::CancelOperationRequest>("CancelOperation", AnswerCancel);
}

}  // namespace coordhub::rpc
