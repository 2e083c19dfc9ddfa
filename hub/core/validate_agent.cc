#include "hub/core/field_checks.h"
#include "hub/core/limits.h"
#include "hub/core/validate.h"

namespace coordhub::core {

namespace pb = coordhub::v1;

absl::Status Validate(const pb::RegisterAgentRequest& request) {
  FieldChecks checks;
  checks.WorkspaceId(request.workspace_id());
  checks.RequestId(request.request_id());
  checks.AgentId("agent_id", request.agent_id(), Presence::kRequired);
  checks.Line("branch", request.branch(), limits::kBranchBytes);
  checks.AbsolutePath("worktree", request.worktree());
  checks.Line("program", request.program(), limits::kProgramBytes);
  checks.Labels(request.labels());
  checks.Duration("ttl", request.has_ttl() ? &request.ttl() : nullptr, limits::kTtlMin,
                  limits::kTtlMax);
  return checks.status();
}

absl::Status Validate(const pb::DeregisterAgentRequest& request) {
  FieldChecks checks;
  checks.WorkspaceId(request.workspace_id());
  checks.RequestId(request.request_id());
  checks.AgentId("agent_id", request.agent_id());
  checks.Text("reason", request.reason(), limits::kReasonBytes);
  return checks.status();
}

absl::Status Validate(const pb::GetAgentRequest& request) {
  FieldChecks checks;
  checks.WorkspaceId(request.workspace_id());
  checks.AgentId("agent_id", request.agent_id());
  checks.MinRevision(request.min_revision());
  return checks.status();
}

absl::Status Validate(const pb::ListAgentsRequest& request) {
  FieldChecks checks;
  checks.WorkspaceId(request.workspace_id());
  checks.Page(request.page_size(), request.page_token());
  checks.Enums("states", request.states(), pb::Agent::State_IsValid, limits::kStatesInFilter);
  if (request.order_by() != pb::ListAgentsRequest::ORDER_UNSPECIFIED) {
    checks.Enum("order_by", request.order_by(), pb::ListAgentsRequest::Order_IsValid);
  }
  checks.MinRevision(request.min_revision());
  return checks.status();
}

absl::Status Validate(const pb::KeepAliveRequest& request) {
  FieldChecks checks;
  checks.WorkspaceId(request.workspace_id());
  return checks.status();
}

}  // namespace coordhub::core
