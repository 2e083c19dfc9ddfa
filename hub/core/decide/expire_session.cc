#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "hub/core/decide/commands.h"
#include "hub/core/decide/sessions.h"

namespace coordhub::core {

absl::Status DecideCommand(Context& context, const ExpireSession& command) {
  const pb::Agent* agent = context.state.FindSession(command.session_uid);
  // It ended meanwhile, and perhaps another session of the name has begun.
  if (agent == nullptr || agent->agent_id() != command.agent_id) return absl::OkStatus();
  const absl::Duration shown = absl::Trunc(command.silent_for, absl::Milliseconds(1));
  EndSession(context, *agent,
             {.state = pb::Agent::STATE_EXPIRED,
              .held = HeldFate::kLost,
              .reason = absl::StrCat("silent for ", absl::FormatDuration(shown)),
              .silent_for = command.silent_for});
  return absl::OkStatus();
}

}  // namespace coordhub::core
