#include "hub/core/decide/claiming.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "hub/core/decide/blocking.h"
#include "hub/core/decide/refusals.h"
#include "hub/core/decide/sessions.h"
#include "hub/core/limits.h"
#include "hub/core/proto_time.h"

namespace coordhub::core {

absl::Status RequireRoomForClaim(const Context& context) {
  if (context.self == nullptr) return SessionRequired("claim tickets");
  const std::string& agent_id = context.self->agent_id();
  const int count = context.state.ClaimsHeldBy(agent_id);
  if (count >= limits::kClaimsPerAgent) {
    return LimitReached("claims_per_agent", limits::kClaimsPerAgent,
                        absl::StrCat(agent_id, " holds ", count, " tickets"));
  }
  const int of_family = FamilyOf(context.state, *context.self).claims;
  if (of_family < limits::kClaimsPerFamily) return absl::OkStatus();
  return LimitReached(
      "claims_per_family", limits::kClaimsPerFamily,
      absl::StrCat("the agents that end with ", agent_id, " hold ", of_family, " tickets"));
}

void GrantClaim(Context& context, const pb::Ticket& ticket,
                const google::protobuf::Duration* claim_timeout) {
  Draft& draft = context.draft;
  pb::Ticket claimed = ticket;
  claimed.set_state(pb::Ticket::STATE_CLAIMED);
  claimed.set_attempt(ticket.attempt() + 1);
  claimed.set_last_fence(draft.next_revision());
  // Both have come. Were they kept, a wall clock that is set back would revive them when the ticket
  // returns.
  claimed.clear_not_before();
  claimed.clear_backoff();
  pb::Claim& claim = *claimed.mutable_claim();
  claim.set_agent_id(context.self->agent_id());
  claim.set_session_uid(context.self->session_uid());
  claim.set_fence(draft.next_revision());
  *claim.mutable_claim_time() = ToProto(draft.time());
  if (claim_timeout != nullptr) {
    *claim.mutable_claim_timeout() = *claim_timeout;
  } else if (context.claim_timeout_default.has_value()) {
    *claim.mutable_claim_timeout() = ToProto(*context.claim_timeout_default);
  }
  ChangeTicket(draft, pb::EVENT_KIND_TICKET_CLAIMED, std::move(claimed));
}

}  // namespace coordhub::core
