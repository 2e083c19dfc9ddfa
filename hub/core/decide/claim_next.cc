#include <optional>
#include <utility>

#include "agent/base/status_macros.h"
#include "hub/core/decide/claiming.h"
#include "hub/core/decide/commands.h"
#include "hub/core/decide/ticket_spec.h"
#include "hub/core/proto_time.h"
#include "hub/core/ready_queue.h"

namespace coordhub::core {
namespace {

ClaimSelector SelectorOf(const Context& context, const pb::ClaimNextTicketRequest& request) {
  ClaimSelector selector;
  selector.agent_id = context.self->agent_id();
  selector.labels = NormalLabels(request.labels());
  if (request.has_max_priority()) selector.max_priority = request.max_priority();
  return selector;
}

// Why there was nothing: the selector admits no ready ticket.
pb::NoWork ReasonsFor(const State& state) {
  pb::NoWork no_work;
  no_work.set_blocked(state.records().ticket_counts[pb::Ticket::STATE_BLOCKED]);
  no_work.set_held(state.records().ticket_counts[pb::Ticket::STATE_CLAIMED]);
  no_work.set_filtered(state.ready().ready_count());
  no_work.set_delayed(state.ready().delayed_count());
  return no_work;
}

}  // namespace

absl::Status DecideCommand(Context& context, const pb::ClaimNextTicketRequest& request) {
  COORDHUB_RETURN_IF_ERROR(RequireRoomForClaim(context));
  ClaimSelector selector = SelectorOf(context, request);
  const std::optional<int64_t> number = context.state.ready().First(selector);
  if (!number.has_value()) {
    context.decision.no_work = ReasonsFor(context.state);
    const absl::Duration span = FromProto(request.wait());
    // No `otherwise`: a wait without work ends like a call that does not wait.
    if (span > absl::ZeroDuration()) context.decision.wait = Wait{std::move(selector), span, {}};
    return absl::OkStatus();
  }
  GrantClaim(context, *context.state.FindTicket(*number),
             request.has_claim_timeout() ? &request.claim_timeout() : nullptr);
  return absl::OkStatus();
}

}  // namespace coordhub::core
