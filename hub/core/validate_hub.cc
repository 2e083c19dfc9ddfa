#include "hub/core/field_checks.h"
#include "hub/core/limits.h"
#include "hub/core/validate.h"

namespace coordhub::core {

namespace pb = coordhub::v1;

namespace {

// What StepLoop, PauseLoop and ResumeLoop have in common.
template <class Request>
absl::Status ValidateLoopCommand(const Request& request) {
  FieldChecks checks;
  checks.WorkspaceId(request.workspace_id());
  checks.RequestId(request.request_id());
  checks.Line("loop_id", request.loop_id(), limits::kLoopIdBytes, Presence::kRequired);
  return checks.status();
}

}  // namespace

absl::Status Validate(const pb::GetHubRequest& request) {
  FieldChecks checks;
  checks.WorkspaceId(request.workspace_id());
  checks.MinRevision(request.min_revision());
  return checks.status();
}

absl::Status Validate(const pb::ListWorkspacesRequest& request) {
  FieldChecks checks;
  checks.Page(request.page_size(), request.page_token());
  return checks.status();
}

absl::Status Validate(const pb::ListLoopsRequest& request) {
  FieldChecks checks;
  checks.WorkspaceId(request.workspace_id());
  checks.Page(request.page_size(), request.page_token());
  checks.MinRevision(request.min_revision());
  return checks.status();
}

absl::Status Validate(const pb::StepLoopRequest& request) { return ValidateLoopCommand(request); }

absl::Status Validate(const pb::PauseLoopRequest& request) { return ValidateLoopCommand(request); }

absl::Status Validate(const pb::ResumeLoopRequest& request) { return ValidateLoopCommand(request); }

absl::Status Validate(const pb::CompactWorkspaceRequest& request) {
  FieldChecks checks;
  checks.WorkspaceId(request.workspace_id());
  checks.RequestId(request.request_id());
  checks.NotNegative("revision", request.revision());
  return checks.status();
}

absl::Status Validate(const pb::BackupWorkspaceRequest& request) {
  FieldChecks checks;
  checks.WorkspaceId(request.workspace_id());
  checks.RequestId(request.request_id());
  checks.AbsolutePath("directory", request.directory(), Presence::kRequired);
  return checks.status();
}

absl::Status Validate(const pb::VerifyWorkspaceRequest& request) {
  FieldChecks checks;
  checks.WorkspaceId(request.workspace_id());
  checks.MinRevision(request.min_revision());
  return checks.status();
}

absl::Status Validate(const pb::DrainHubRequest& request) {
  FieldChecks checks;
  checks.RequestId(request.request_id());
  checks.Text("reason", request.reason(), limits::kReasonBytes);
  return checks.status();
}

}  // namespace coordhub::core
