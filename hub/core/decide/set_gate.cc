#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/status_macros.h"
#include "hub/core/decide/commands.h"
#include "hub/core/decide/incidents.h"
#include "hub/core/decide/refusals.h"
#include "hub/core/decide/rights.h"
#include "hub/core/limits.h"
#include "hub/core/proto_time.h"

namespace coordhub::core {

absl::Status DecideCommand(Context& context, const pb::SetGateRequest& request) {
  if (!IsTrusted(context.caller)) return OperatorRequired("set a gate");
  const pb::Gate* known = context.draft.Find<tables::Gates>(request.gate_id());
  if (known == nullptr && context.state.records().of<tables::Gates>().size() >= limits::kGates) {
    return LimitReached("gates", limits::kGates, absl::StrCat(limits::kGates, " gates"));
  }
  const pb::Gate before = known != nullptr ? *known : pb::Gate();
  pb::Gate gate = before;
  gate.set_gate_id(request.gate_id());
  // What another command said of the target says nothing of what this one will.
  const bool same = known != nullptr && known->target() == request.target() &&
                    std::equal(known->command().begin(), known->command().end(),
                               request.command().begin(), request.command().end());
  if (!same) {
    gate.clear_verdict();
    gate.clear_commit();
  }
  *gate.mutable_command() = request.command();
  *gate.mutable_timeout() =
      request.has_timeout() ? request.timeout() : ToProto(limits::kGateTimeoutDefault);
  gate.set_target(request.target());
  const bool watches_on = request.target() == before.target();
  if (!watches_on) gate.clear_incident_ticket_id();
  context.draft.Put(context.draft.Add(pb::EVENT_KIND_GATE_SET), std::move(gate));
  // Nobody will see the former target turn green.
  if (!watches_on) {
    CloseIncident(
        context, before,
        absl::StrCat("gate ", request.gate_id(), " watches ", before.target(), " no longer"));
  }
  return absl::OkStatus();
}

}  // namespace coordhub::core
