#include "absl/strings/str_cat.h"
#include "agent/base/status_macros.h"
#include "hub/core/decide/commands.h"
#include "hub/core/decide/incidents.h"
#include "hub/core/decide/refusals.h"
#include "hub/core/decide/rights.h"

namespace coordhub::core {

absl::Status DecideCommand(Context& context, const pb::DeleteGateRequest& request) {
  const pb::Gate* gate = context.draft.Find<tables::Gates>(request.gate_id());
  if (gate == nullptr) return GateNotFound(request.gate_id());
  if (!IsTrusted(context.caller)) return OperatorRequired("delete a gate");
  const auto& active = context.state.records().active_rounds;
  for (auto round = active.Begin(); round.Valid(); round.Next()) {
    if (round->policy().gate() == request.gate_id()) {
      return WrongRoundState(*round, absl::StrCat("left without its gate ", request.gate_id()));
    }
  }
  const pb::Gate deleted = *gate;
  context.draft.Erase<tables::Gates>(context.draft.Add(pb::EVENT_KIND_GATE_DELETED),
                                     request.gate_id());
  CloseIncident(context, deleted, absl::StrCat("gate ", request.gate_id(), " was deleted"));
  return absl::OkStatus();
}

}  // namespace coordhub::core
