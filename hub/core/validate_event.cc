#include "hub/core/field_checks.h"
#include "hub/core/limits.h"
#include "hub/core/validate.h"

namespace coordhub::core {

namespace pb = coordhub::v1;

namespace {

absl::Status ValidateFilter(const pb::EventFilter& filter) {
  FieldChecks checks("filter.");
  checks.Enums("kinds", filter.kinds(), pb::EventKind_IsValid, limits::kFilterEntries);
  checks.Count("ticket_ids", filter.ticket_ids_size(), limits::kFilterEntries);
  for (int i = 0; i < filter.ticket_ids_size() && checks.ok(); ++i) {
    checks.TicketId({"ticket_ids", i}, filter.ticket_ids(i), Presence::kRequired);
  }
  checks.Count("agent_ids", filter.agent_ids_size(), limits::kFilterEntries);
  for (int i = 0; i < filter.agent_ids_size() && checks.ok(); ++i) {
    checks.AgentId({"agent_ids", i}, filter.agent_ids(i), Presence::kRequired);
  }
  checks.Labels(filter.labels());
  checks.Enums("ticket_states", filter.ticket_states(), pb::Ticket::State_IsValid,
               limits::kStatesInFilter);
  return checks.status();
}

}  // namespace

absl::Status Validate(const pb::WatchEventsRequest& request) {
  FieldChecks checks;
  checks.WorkspaceId(request.workspace_id());
  if (request.start() != pb::WatchEventsRequest::START_UNSPECIFIED) {
    checks.Enum("start", request.start(), pb::WatchEventsRequest::Start_IsValid);
  }
  checks.NotNegative("after_revision", request.after_revision());
  checks.Line("log_id", request.log_id(), limits::kLogIdBytes);
  checks.Include(ValidateFilter(request.filter()));
  checks.Duration("bookmark_interval",
                  request.has_bookmark_interval() ? &request.bookmark_interval() : nullptr,
                  limits::kBookmarkMin, limits::kBookmarkMax);
  return checks.status();
}

absl::Status Validate(const pb::ListEventsRequest& request) {
  FieldChecks checks;
  checks.WorkspaceId(request.workspace_id());
  checks.Page(request.page_size(), request.page_token());
  checks.MinRevision(request.min_revision());
  checks.NotNegative("after_revision", request.after_revision());
  checks.Line("log_id", request.log_id(), limits::kLogIdBytes);
  checks.Include(ValidateFilter(request.filter()));
  return checks.status();
}

}  // namespace coordhub::core
