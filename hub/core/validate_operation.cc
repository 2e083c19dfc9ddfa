#include "hub/core/field_checks.h"
#include "hub/core/limits.h"
#include "hub/core/validate.h"

namespace coordhub::core {

namespace pb = coordhub::v1;

absl::Status Validate(const pb::GetOperationRequest& request) {
  FieldChecks checks;
  checks.WorkspaceId(request.workspace_id());
  checks.OperationId("operation_id", request.operation_id(), Presence::kRequired);
  checks.MinRevision(request.min_revision());
  return checks.status();
}

absl::Status Validate(const pb::ListOperationsRequest& request) {
  FieldChecks checks;
  checks.WorkspaceId(request.workspace_id());
  checks.Page(request.page_size(), request.page_token());
  checks.Enums("states", request.states(), pb::Operation::State_IsValid, limits::kStatesInFilter);
  checks.MinRevision(request.min_revision());
  return checks.status();
}

absl::Status Validate(const pb::CancelOperationRequest& request) {
  FieldChecks checks;
  checks.WorkspaceId(request.workspace_id());
  checks.RequestId(request.request_id());
  checks.OperationId("operation_id", request.operation_id(), Presence::kRequired);
  checks.Text("reason", request.reason(), limits::kReasonBytes);
  return checks.status();
}

}  // namespace coordhub::core
