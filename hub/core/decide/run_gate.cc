#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "hub/core/decide/commands.h"
#include "hub/core/decide/operations.h"
#include "hub/core/decide/refusals.h"

namespace coordhub::core {

absl::Status DecideCommand(Context& context, const pb::RunGateRequest& request) {
  const pb::Gate* gate = context.draft.Find<tables::Gates>(request.gate_id());
  if (gate == nullptr) return GateNotFound(request.gate_id());
  if (gate->target().empty()) {
    return base::MakeFieldError("gate_id", "names a gate that watches no target");
  }
  return AddOperation(context, {pb::Operation::KIND_GATE, request.gate_id()}).status();
}

}  // namespace coordhub::core
