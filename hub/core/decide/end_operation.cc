#include <utility>

#include "agent/base/status_macros.h"
#include "agent/base/text.h"
#include "hub/core/decide/commands.h"
#include "hub/core/decide/operations.h"
#include "hub/core/limits.h"
#include "hub/core/proto_time.h"

namespace coordhub::core {

absl::Status DecideCommand(Context& context, const EndOperation& command) {
  COORDHUB_RETURN_IF_ERROR(RequireHub(context, "say how an operation ended"));
  const pb::Operation* running = FindRunningOperation(context, command.operation_id);
  if (running == nullptr) return absl::OkStatus();
  pb::Operation ended = *running;
  ended.set_state(command.state);
  ended.set_note(NoteLine(command.note));
  if (command.state == pb::Operation::STATE_DONE) ended.set_percent(100);
  if (command.state == pb::Operation::STATE_FAILED) {
    ended.set_error(base::OneLine(command.error, limits::kReasonBytes));
  }
  *ended.mutable_end_time() = ToProto(context.draft.time());
  context.draft.Put(context.draft.Add(pb::EVENT_KIND_OPERATION_FINISHED), std::move(ended));
  ForgetEndedOperations(context);
  return absl::OkStatus();
}

}  // namespace coordhub::core
