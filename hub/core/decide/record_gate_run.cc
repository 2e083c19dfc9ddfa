#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/status_macros.h"
#include "hub/core/decide/commands.h"
#include "hub/core/decide/incidents.h"
#include "hub/core/decide/operations.h"
#include "hub/core/operation_id.h"
#include "hub/core/proto_time.h"

namespace coordhub::core {
namespace {

// Whether the gate was set to something else after the run began: what the former command found
// says nothing of the present one.
bool IsOvertaken(const Context& context, const pb::Gate& gate, const std::string& operation_id) {
  const auto* operation = context.draft.Find<tables::Operations>(OperationNumber(operation_id));
  return operation != nullptr && gate.verdict() == pb::Gate::VERDICT_UNSPECIFIED &&
         gate.mod_revision() > operation->create_revision();
}

}  // namespace

absl::Status DecideCommand(Context& context, const RecordGateRun& command) {
  COORDHUB_RETURN_IF_ERROR(RequireHub(context, "say how a gate ran"));
  const pb::Gate* known = context.draft.Find<tables::Gates>(command.gate_id);
  if (known == nullptr || IsOvertaken(context, *known, command.operation_id)) {
    return absl::OkStatus();
  }
  pb::Gate gate = *known;
  if (command.passed) {
    CloseIncident(context, gate,
                  absl::StrCat(gate.target(), " is green again at ", command.commit.substr(0, 12)));
    gate.clear_incident_ticket_id();
  } else {
    OpenIncident(context, command.commit, command.note, &gate);
  }
  gate.set_verdict(command.passed ? pb::Gate::VERDICT_GREEN : pb::Gate::VERDICT_RED);
  gate.set_commit(command.commit);
  gate.set_operation_id(command.operation_id);
  *gate.mutable_run_time() = ToProto(context.draft.time());
  context.draft.Put(context.draft.Add(pb::EVENT_KIND_GATE_RAN), std::move(gate));
  return absl::OkStatus();
}

}  // namespace coordhub::core
