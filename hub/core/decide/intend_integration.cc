#include <utility>

#include "agent/base/status_macros.h"
#include "hub/core/decide/commands.h"
#include "hub/core/decide/operations.h"
#include "hub/core/decide/rounds.h"

namespace coordhub::core {

absl::Status DecideCommand(Context& context, const IntendIntegration& command) {
  COORDHUB_RETURN_IF_ERROR(RequireHub(context, "say what a target is moved to"));
  const pb::Round* known = FindIntegrating(context, command.round_id, command.operation_id);
  if (known == nullptr) return absl::OkStatus();
  pb::Round round = *known;
  round.set_intended_commit(command.commit);
  context.draft.Put(context.draft.Add(pb::EVENT_KIND_ROUND_CHANGED), std::move(round));
  return absl::OkStatus();
}

}  // namespace coordhub::core
