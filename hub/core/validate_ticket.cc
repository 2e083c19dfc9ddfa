#include <string>
#include <string_view>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "hub/core/decide/ticket_spec.h"
#include "hub/core/field_checks.h"
#include "hub/core/limits.h"
#include "hub/core/validate.h"

namespace coordhub::core {
namespace {

// References "@<local_id>" that a batch knows.
using LocalReferences = absl::flat_hash_set<std::string>;

// A ticket's id, or within a batch a member of it.
void CheckReference(FieldChecks& checks, FieldName name, const std::string& value,
                    Presence presence, const LocalReferences* members) {
  if (members == nullptr || value.empty() || value.front() != '@') {
    return checks.TicketId(name, value, presence);
  }
  if (!members->contains(value)) checks.Refuse(name, "must be the local_id of a ticket here");
}

void CheckDependencies(FieldChecks& checks, const pb::TicketSpec& spec,
                       const LocalReferences* members) {
  constexpr std::string_view kField = "dependencies";
  checks.Count({kField, -1}, spec.dependencies_size(), limits::kDependencies);
  absl::flat_hash_set<std::string> seen;
  for (int i = 0; i < spec.dependencies_size() && checks.ok(); ++i) {
    const pb::Dependency& dependency = spec.dependencies(i);
    const FieldName name{kField, i, "ticket_id"};
    CheckReference(checks, name, dependency.ticket_id(), Presence::kRequired, members);
    if (!seen.insert(dependency.ticket_id()).second) checks.Refuse(name, "must be named once");
    if (dependency.until() != pb::Dependency::UNTIL_UNSPECIFIED) {
      checks.Enum({kField, i, "until"}, dependency.until(), pb::Dependency::Until_IsValid);
    }
  }
}

// `title` tells whether one is required; `members` is null outside a batch.
absl::Status ValidateSpec(const pb::TicketSpec& spec, std::string prefix, Presence title,
                          const LocalReferences* members = nullptr) {
  FieldChecks checks(std::move(prefix));
  checks.Line("title", spec.title(), limits::kTitleBytes, title);
  checks.Text("body", spec.body(), limits::kTextBytes);
  if (spec.has_priority()) checks.Range("priority", spec.priority(), 0, limits::kPriorityMax);
  checks.Labels(spec.labels());
  checks.Lines("paths", spec.paths(), limits::kTicketPaths, limits::kTicketPathBytes);
  CheckDependencies(checks, spec, members);
  CheckReference(checks, "parent_ticket_id", spec.parent_ticket_id(), Presence::kOptional, members);
  checks.AgentId("assignee_agent_id", spec.assignee_agent_id());
  checks.Timestamp("not_before", spec.has_not_before() ? &spec.not_before() : nullptr);
  checks.Range("max_attempts", spec.max_attempts(), 0, limits::kMaxAttemptsMax);
  return checks.status();
}

void CheckMask(FieldChecks& checks, const google::protobuf::FieldMask& mask) {
  if (mask.paths().empty()) checks.Refuse("update_mask", "must name what to change");
  absl::flat_hash_set<std::string> seen;
  for (int i = 0; i < mask.paths_size() && checks.ok(); ++i) {
    const FieldName name{"update_mask.paths", i};
    if (!IsTicketField(mask.paths(i))) checks.Refuse(name, "must be a field of spec");
    if (!seen.insert(mask.paths(i)).second) checks.Refuse(name, "must be named once");
  }
}

// What every call about one ticket has.
template <class Request>
FieldChecks TicketCall(const Request& request) {
  FieldChecks checks;
  checks.WorkspaceId(request.workspace_id());
  checks.RequestId(request.request_id());
  checks.TicketId("ticket_id", request.ticket_id(), Presence::kRequired);
  return checks;
}

void CheckFenceField(FieldChecks& checks, int64_t fence) {
  if (fence <= 0) checks.Refuse("fence", "must be the claim's fence, which is positive");
}

void CheckClaimTimeout(FieldChecks& checks, const google::protobuf::Duration* timeout) {
  checks.Duration("claim_timeout", timeout, limits::kClaimTimeoutMin, limits::kClaimTimeoutMax);
}

}  // namespace

absl::Status Validate(const pb::CreateTicketRequest& request) {
  FieldChecks checks;
  checks.WorkspaceId(request.workspace_id());
  checks.RequestId(request.request_id());
  if (!request.has_spec()) checks.Refuse("spec", "must be given");
  checks.Include(ValidateSpec(request.spec(), "spec.", Presence::kRequired));
  return checks.status();
}

absl::Status Validate(const pb::BatchCreateTicketsRequest& request) {
  FieldChecks checks;
  checks.WorkspaceId(request.workspace_id());
  checks.RequestId(request.request_id());
  if (request.tickets().empty()) checks.Refuse("tickets", "must not be empty");
  checks.Count("tickets", request.tickets_size(), limits::kBatchTickets);
  LocalReferences members;
  for (int i = 0; i < request.tickets_size() && checks.ok(); ++i) {
    const std::string& local_id = request.tickets(i).local_id();
    const FieldName name{"tickets", i, "local_id"};
    checks.LocalId(name, local_id);
    if (!local_id.empty() && !members.insert("@" + local_id).second) {
      checks.Refuse(name, "must be used once");
    }
  }
  for (int i = 0; i < request.tickets_size() && checks.ok(); ++i) {
    const pb::NewTicket& ticket = request.tickets(i);
    if (!ticket.has_spec()) checks.Refuse({"tickets", i, "spec"}, "must be given");
    checks.Include(ValidateSpec(ticket.spec(), absl::StrCat("tickets[", i, "].spec."),
                                Presence::kRequired, &members));
  }
  return checks.status();
}

absl::Status Validate(const pb::GetTicketRequest& request) {
  FieldChecks checks;
  checks.WorkspaceId(request.workspace_id());
  checks.TicketId("ticket_id", request.ticket_id(), Presence::kRequired);
  checks.MinRevision(request.min_revision());
  checks.Range("comment_page_size", request.comment_page_size(), 0, limits::kCommentPageMax);
  checks.NotNegative("comments_before", request.comments_before());
  return checks.status();
}

absl::Status Validate(const pb::ListTicketsRequest& request) {
  FieldChecks checks;
  checks.WorkspaceId(request.workspace_id());
  checks.Page(request.page_size(), request.page_token());
  checks.Enums("states", request.states(), pb::Ticket::State_IsValid, limits::kStatesInFilter);
  checks.Labels(request.labels());
  checks.AgentId("holder_agent_id", request.holder_agent_id());
  checks.AgentId("assignee_agent_id", request.assignee_agent_id());
  checks.TicketId("parent_ticket_id", request.parent_ticket_id());
  checks.MinRevision(request.min_revision());
  return checks.status();
}

absl::Status Validate(const pb::UpdateTicketRequest& request) {
  FieldChecks checks = TicketCall(request);
  CheckMask(checks, request.update_mask());
  Presence title = Presence::kOptional;
  for (const std::string& path : request.update_mask().paths()) {
    if (path == "title") title = Presence::kRequired;
  }
  checks.Include(ValidateSpec(request.spec(), "spec.", title));
  checks.NotNegative("expected_revision", request.expected_revision());
  return checks.status();
}

absl::Status Validate(const pb::ClaimTicketRequest& request) {
  FieldChecks checks = TicketCall(request);
  CheckClaimTimeout(checks, request.has_claim_timeout() ? &request.claim_timeout() : nullptr);
  return checks.status();
}

absl::Status Validate(const pb::ClaimNextTicketRequest& request) {
  FieldChecks checks;
  checks.WorkspaceId(request.workspace_id());
  checks.RequestId(request.request_id());
  checks.Labels(request.labels());
  if (request.has_max_priority()) {
    checks.Range("max_priority", request.max_priority(), 0, limits::kPriorityMax);
  }
  checks.Duration("wait", request.has_wait() ? &request.wait() : nullptr, absl::ZeroDuration(),
                  limits::kWaitMax);
  CheckClaimTimeout(checks, request.has_claim_timeout() ? &request.claim_timeout() : nullptr);
  return checks.status();
}

absl::Status Validate(const pb::RenewClaimRequest& request) {
  FieldChecks checks = TicketCall(request);
  CheckFenceField(checks, request.fence());
  return checks.status();
}

absl::Status Validate(const pb::ReleaseTicketRequest& request) {
  FieldChecks checks = TicketCall(request);
  if (!request.force()) CheckFenceField(checks, request.fence());
  checks.NotNegative("fence", request.fence());
  checks.Text("reason", request.reason(), limits::kReasonBytes);
  return checks.status();
}

absl::Status Validate(const pb::CompleteTicketRequest& request) {
  FieldChecks checks = TicketCall(request);
  CheckFenceField(checks, request.fence());
  checks.Commit("commit", request.commit());
  checks.Text("summary", request.summary(), limits::kReasonBytes);
  return checks.status();
}

absl::Status Validate(const pb::FailTicketRequest& request) {
  FieldChecks checks = TicketCall(request);
  CheckFenceField(checks, request.fence());
  checks.Text("reason", request.reason(), limits::kReasonBytes, Presence::kRequired);
  checks.Duration("retry_delay", request.has_retry_delay() ? &request.retry_delay() : nullptr,
                  absl::ZeroDuration(), limits::kRetryDelayMax);
  return checks.status();
}

absl::Status Validate(const pb::CancelTicketRequest& request) {
  FieldChecks checks = TicketCall(request);
  checks.Text("reason", request.reason(), limits::kReasonBytes);
  return checks.status();
}

absl::Status Validate(const pb::ReopenTicketRequest& request) {
  FieldChecks checks = TicketCall(request);
  checks.Text("reason", request.reason(), limits::kReasonBytes);
  return checks.status();
}

absl::Status Validate(const pb::AddCommentRequest& request) {
  FieldChecks checks = TicketCall(request);
  checks.Text("text", request.text(), limits::kTextBytes, Presence::kRequired);
  return checks.status();
}

absl::Status Validate(const pb::UpdateProgressRequest& request) {
  FieldChecks checks = TicketCall(request);
  CheckFenceField(checks, request.fence());
  checks.Line("note", request.note(), limits::kNoteBytes);
  if (request.has_percent()) checks.Range("percent", request.percent(), 0, 100);
  return checks.status();
}

}  // namespace coordhub::core
