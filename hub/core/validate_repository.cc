#include "hub/core/field_checks.h"
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

}  // namespace coordhub::core
