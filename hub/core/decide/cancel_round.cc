#include <utility>

#include "agent/base/status_macros.h"
#include "hub/core/decide/commands.h"
#include "hub/core/decide/refusals.h"
#include "hub/core/decide/rights.h"
#include "hub/core/decide/rounds.h"

namespace coordhub::core {
namespace {

bool MayCancel(const Context& context, const pb::Round& round) {
  if (IsTrusted(context.caller)) return true;
  return context.self != nullptr && context.self->agent_id() == round.creator();
}

}  // namespace

absl::Status DecideCommand(Context& context, const pb::CancelRoundRequest& request) {
  const std::string branch = context.self == nullptr ? std::string() : context.self->branch();
  COORDHUB_ASSIGN_OR_RETURN(const pb::Round* known,
                            RequireRound(context, request.round_id(), branch));
  if (!MayCancel(context, *known)) {
    return OperatorRequired("cancel a round that another agent opened");
  }
  COORDHUB_RETURN_IF_ERROR(RequireUnderWay(*known, "cancelled"));
  pb::Round round = *known;
  round.set_state(pb::Round::STATE_CANCELLED);
  round.set_reason(request.reason());
  PutEndedRound(context, pb::EVENT_KIND_ROUND_CANCELLED, std::move(round), request.reason());
  return absl::OkStatus();
}

}  // namespace coordhub::core
