#include "hub/core/field_checks.h"
#include "hub/core/limits.h"
#include "hub/core/validate.h"

namespace coordhub::core {
namespace {

namespace pb = coordhub::v1;

// `Name <address>`, as git writes it.
bool IsCommitter(const std::string& value) {
  const size_t open = value.find('<');
  return open != std::string::npos && open >= 2 && value[open - 1] == ' ' && value.back() == '>' &&
         value.find_first_of("<>", open + 1) == value.size() - 1 && value.size() - open > 2;
}

absl::Status ValidatePolicy(const pb::RoundPolicy& policy) {
  FieldChecks checks("policy.");
  if (policy.method() != pb::RoundPolicy::METHOD_UNSPECIFIED) {
    checks.Enum("method", policy.method(), pb::RoundPolicy::Method_IsValid);
  }
  checks.Duration(
      "drop_lost_members_after",
      policy.has_drop_lost_members_after() ? &policy.drop_lost_members_after() : nullptr,
      absl::ZeroDuration(), limits::kDropLostMax);
  checks.GateId("gate", policy.gate());
  if (policy.gate_each_member() && policy.gate().empty()) {
    checks.Refuse("gate_each_member", "needs a gate");
  }
  checks.Line("committer", policy.committer(), limits::kCommitterBytes);
  if (!policy.committer().empty() && !IsCommitter(policy.committer())) {
    checks.Refuse("committer", "must be like `Name <address>`");
  }
  return checks.status();
}

absl::Status ValidateSelector(const pb::TicketSelector& selector) {
  FieldChecks checks("tickets.");
  checks.Count("ticket_ids", selector.ticket_ids_size(), limits::kRoundTickets);
  for (int i = 0; i < selector.ticket_ids_size() && checks.ok(); ++i) {
    checks.TicketId({"ticket_ids", i}, selector.ticket_ids(i), Presence::kRequired);
  }
  checks.Labels(selector.labels());
  return checks.status();
}

}  // namespace

absl::Status Validate(const pb::OpenRoundRequest& request) {
  FieldChecks checks;
  checks.WorkspaceId(request.workspace_id());
  checks.RequestId(request.request_id());
  checks.Branch("target", request.target(), Presence::kRequired);
  checks.Count("member_agent_ids", request.member_agent_ids_size(), limits::kRoundMembers);
  for (int i = 0; i < request.member_agent_ids_size() && checks.ok(); ++i) {
    checks.AgentId({"member_agent_ids", i}, request.member_agent_ids(i), Presence::kRequired);
  }
  checks.Count("member_branches", request.member_branches_size(), limits::kRoundMembers);
  for (int i = 0; i < request.member_branches_size() && checks.ok(); ++i) {
    checks.Branch({"member_branches", i}, request.member_branches(i), Presence::kRequired);
  }
  checks.Include(ValidatePolicy(request.policy()));
  checks.Include(ValidateSelector(request.tickets()));
  return checks.status();
}

absl::Status Validate(const pb::DeclareReadyRequest& request) {
  FieldChecks checks;
  checks.WorkspaceId(request.workspace_id());
  checks.RequestId(request.request_id());
  checks.RoundId("round_id", request.round_id());
  checks.Branch("branch", request.branch());
  checks.Commit("commit", request.commit());
  if (!request.commit().empty() && request.commit().size() != 40) {
    checks.Refuse("commit", "must be a whole id of 40 hexadecimal digits");
  }
  return checks.status();
}

absl::Status Validate(const pb::WithdrawReadyRequest& request) {
  FieldChecks checks;
  checks.WorkspaceId(request.workspace_id());
  checks.RequestId(request.request_id());
  checks.RoundId("round_id", request.round_id());
  checks.Branch("branch", request.branch());
  return checks.status();
}

absl::Status Validate(const pb::GetRoundRequest& request) {
  FieldChecks checks;
  checks.WorkspaceId(request.workspace_id());
  checks.RoundId("round_id", request.round_id());
  checks.Duration("wait", request.has_wait() ? &request.wait() : nullptr, absl::ZeroDuration(),
                  limits::kWaitMax);
  checks.NotNegative("after_revision", request.after_revision());
  checks.MinRevision(request.min_revision());
  return checks.status();
}

absl::Status Validate(const pb::ListRoundsRequest& request) {
  FieldChecks checks;
  checks.WorkspaceId(request.workspace_id());
  checks.Page(request.page_size(), request.page_token());
  checks.MinRevision(request.min_revision());
  return checks.status();
}

absl::Status Validate(const pb::PlanIntegrationRequest& request) {
  FieldChecks checks;
  checks.WorkspaceId(request.workspace_id());
  checks.RoundId("round_id", request.round_id());
  checks.MinRevision(request.min_revision());
  return checks.status();
}

absl::Status Validate(const pb::IntegrateRoundRequest& request) {
  FieldChecks checks;
  checks.WorkspaceId(request.workspace_id());
  checks.RequestId(request.request_id());
  checks.RoundId("round_id", request.round_id());
  return checks.status();
}

absl::Status Validate(const pb::CancelRoundRequest& request) {
  FieldChecks checks;
  checks.WorkspaceId(request.workspace_id());
  checks.RequestId(request.request_id());
  checks.RoundId("round_id", request.round_id());
  checks.Text("reason", request.reason(), limits::kReasonBytes);
  return checks.status();
}

}  // namespace coordhub::core
