#include <string>
#include <utility>

#include "agent/base/status_macros.h"
#include "hub/core/decide/commands.h"
#include "hub/core/decide/operations.h"
#include "hub/core/decide/refusals.h"
#include "hub/core/decide/rights.h"
#include "hub/core/decide/rounds.h"

namespace coordhub::core {

absl::Status DecideCommand(Context& context, const pb::IntegrateRoundRequest& request) {
  COORDHUB_ASSIGN_OR_RETURN(const pb::Round* known, RequireRound(context, request.round_id(), ""));
  if (!IsTrusted(context.caller)) return OperatorRequired("integrate a round");
  if (known->state() != pb::Round::STATE_READY) return WrongRoundState(*known, "integrated");
  COORDHUB_ASSIGN_OR_RETURN(
      const std::string operation_id,
      AddOperation(context, {pb::Operation::KIND_INTEGRATE, known->round_id()}));
  pb::Round round = *known;
  round.set_state(pb::Round::STATE_INTEGRATING);
  round.set_operation_id(operation_id);
  round.clear_reason();  // of an attempt before
  context.draft.Put(context.draft.Add(pb::EVENT_KIND_ROUND_INTEGRATING), std::move(round));
  return absl::OkStatus();
}

}  // namespace coordhub::core
