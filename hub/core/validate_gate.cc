#include "hub/core/field_checks.h"
#include "hub/core/limits.h"
#include "hub/core/validate.h"

namespace coordhub::core {

namespace pb = coordhub::v1;

absl::Status Validate(const pb::GetGateLogRequest& request) {
  FieldChecks checks;
  checks.WorkspaceId(request.workspace_id());
  checks.RoundId("round_id", request.round_id());
  checks.GateId("gate_id", request.gate_id());
  if (!request.round_id().empty() && !request.gate_id().empty()) {
    checks.Refuse("gate_id", "names another log than round_id does");
  }
  checks.MinRevision(request.min_revision());
  return checks.status();
}

absl::Status Validate(const pb::SetGateRequest& request) {
  FieldChecks checks;
  checks.WorkspaceId(request.workspace_id());
  checks.RequestId(request.request_id());
  checks.GateId("gate_id", request.gate_id(), Presence::kRequired);
  if (request.command().empty()) checks.Refuse("command", "must not be empty");
  checks.Count("command", request.command_size(), limits::kGateArguments);
  for (int i = 0; i < request.command_size() && checks.ok(); ++i) {
    // An argument may be empty; the program may not.
    checks.Text({"command", i}, request.command(i), limits::kGateArgumentBytes,
                i == 0 ? Presence::kRequired : Presence::kOptional);
  }
  checks.Duration("timeout", request.has_timeout() ? &request.timeout() : nullptr,
                  limits::kGateTimeoutMin, limits::kGateTimeoutMax);
  checks.Branch("target", request.target());
  return checks.status();
}

absl::Status Validate(const pb::DeleteGateRequest& request) {
  FieldChecks checks;
  checks.WorkspaceId(request.workspace_id());
  checks.RequestId(request.request_id());
  checks.GateId("gate_id", request.gate_id(), Presence::kRequired);
  return checks.status();
}

absl::Status Validate(const pb::ListGatesRequest& request) {
  FieldChecks checks;
  checks.WorkspaceId(request.workspace_id());
  checks.Page(request.page_size(), request.page_token());
  checks.MinRevision(request.min_revision());
  return checks.status();
}

absl::Status Validate(const pb::RunGateRequest& request) {
  FieldChecks checks;
  checks.WorkspaceId(request.workspace_id());
  checks.RequestId(request.request_id());
  checks.GateId("gate_id", request.gate_id(), Presence::kRequired);
  return checks.status();
}

}  // namespace coordhub::core
