#include <algorithm>
#include <utility>

#include "agent/base/status_macros.h"
#include "hub/core/decide/commands.h"
#include "hub/core/decide/operations.h"

namespace coordhub::core {

absl::Status DecideCommand(Context& context, const NoteOperation& command) {
  COORDHUB_RETURN_IF_ERROR(RequireHub(context, "say how far an operation is"));
  const pb::Operation* running = FindRunningOperation(context, command.operation_id);
  if (running == nullptr) return absl::OkStatus();
  pb::Operation noted = *running;
  noted.set_percent(std::clamp(command.percent, 0, 100));
  noted.set_note(NoteLine(command.note));
  if (noted.percent() == running->percent() && noted.note() == running->note()) {
    return absl::OkStatus();
  }
  context.draft.Put(context.draft.Add(pb::EVENT_KIND_OPERATION_CHANGED), std::move(noted));
  return absl::OkStatus();
}

}  // namespace coordhub::core
