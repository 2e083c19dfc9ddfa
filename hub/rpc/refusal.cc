#include "hub/rpc/refusal.h"

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/string_view.h"
#include "hub/core/decide/refusals.h"
#include "hub/core/records.h"

namespace coordhub::rpc {
namespace {

absl::Status AgentActive(const absl::Status& status, const CallScope& scope) {
  const std::string agent_id = base::MetadataOf(status, "agent_id");
  // It may have ended since: then there is nothing left to wait for.
  const absl::Duration left =
      scope.engine().SessionTimeLeft(agent_id).value_or(absl::ZeroDuration());
  return base::MakeError(
      base::pb::ERROR_REASON_AGENT_ACTIVE, base::ToStd(status.message()),
      {{"agent_id", agent_id}, {"expires_in_ms", absl::StrCat(absl::ToInt64Milliseconds(left))}});
}

}  // namespace

absl::Status SessionEnded(const CallScope& scope, std::string_view ticket_id) {
  const engine::ViewPtr view = scope.engine().view();
  const v1::Agent* agent = view->records.FindSessionEver(scope.principal.session_uid());
  return core::SessionEnded(agent == nullptr ? std::string() : agent->agent_id(),
                            view->records.FindTicket(core::TicketNumber(ticket_id)));
}

absl::Status WithDetails(absl::Status status, const CallScope& scope, std::string_view ticket_id) {
  switch (base::ReasonOf(status)) {
    case base::pb::ERROR_REASON_SESSION_ENDED:
      // Decisions say it all already.
      return base::MetadataOf(status, "agent_id").empty() ? SessionEnded(scope, ticket_id) : status;
    case base::pb::ERROR_REASON_AGENT_ACTIVE:
      return AgentActive(status, scope);
    default:
      return status;
  }
}

absl::Status TouchSession(const CallScope& scope, std::string_view ticket_id) {
  if (!scope.principal.is_agent()) return absl::OkStatus();
  const absl::Status touched = scope.engine().TouchSession(scope.principal.session_uid());
  return touched.ok() ? touched : WithDetails(touched, scope, ticket_id);
}

}  // namespace coordhub::rpc
