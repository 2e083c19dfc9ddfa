#include "hub/core/field_checks.h"
#include "hub/core/limits.h"
#include "hub/core/validate.h"

namespace coordhub::core {

namespace pb = coordhub::v1;

absl::Status Validate(const pb::GetRepositoryStatusRequest& request) {
  FieldChecks checks;
  checks.WorkspaceId(request.workspace_id());
  checks.MinRevision(request.min_revision());
  return checks.status();
}

absl::Status Validate(const pb::ListBranchesRequest& request) {
  FieldChecks checks;
  checks.WorkspaceId(request.workspace_id());
  checks.Page(request.page_size(), request.page_token());
  checks.MinRevision(request.min_revision());
  return checks.status();
}

absl::Status Validate(const pb::ListWorktreesRequest& request) {
  FieldChecks checks;
  checks.WorkspaceId(request.workspace_id());
  checks.Page(request.page_size(), request.page_token());
  checks.MinRevision(request.min_revision());
  return checks.status();
}

absl::Status Validate(const pb::CreateWorktreeRequest& request) {
  FieldChecks checks;
  checks.WorkspaceId(request.workspace_id());
  checks.RequestId(request.request_id());
  checks.Branch("branch", request.branch());
  checks.Line("start_point", request.start_point(), limits::kBranchBytes);
  checks.AbsolutePath("path", request.path());
  checks.TicketId("ticket_id", request.ticket_id());
  checks.AgentId("agent_id", request.agent_id());
  if (request.existing_branch() && request.branch().empty()) {
    checks.Refuse("branch", "must name the branch that exists");
  }
  if (request.existing_branch() && !request.start_point().empty()) {
    checks.Refuse("start_point", "is for a new branch");
  }
  return checks.status();
}

absl::Status Validate(const pb::RemoveWorktreeRequest& request) {
  FieldChecks checks;
  checks.WorkspaceId(request.workspace_id());
  checks.RequestId(request.request_id());
  checks.AbsolutePath("path", request.path(), Presence::kRequired);
  return checks.status();
}

absl::Status Validate(const pb::ListConflictsRequest& request) {
  FieldChecks checks;
  checks.WorkspaceId(request.workspace_id());
  checks.Page(request.page_size(), request.page_token());
  checks.Branch("branch", request.branch());
  checks.MinRevision(request.min_revision());
  return checks.status();
}

absl::Status Validate(const pb::PreviewMergeRequest& request) {
  FieldChecks checks;
  checks.WorkspaceId(request.workspace_id());
  checks.Line("ours", request.ours(), limits::kBranchBytes, Presence::kRequired);
  checks.Line("theirs", request.theirs(), limits::kBranchBytes, Presence::kRequired);
  checks.MinRevision(request.min_revision());
  return checks.status();
}

}  // namespace coordhub::core
