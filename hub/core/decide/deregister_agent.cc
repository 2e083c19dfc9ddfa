#include <string>

#include "agent/base/error.h"
#include "hub/core/decide/commands.h"
#include "hub/core/decide/refusals.h"
#include "hub/core/decide/rights.h"
#include "hub/core/decide/sessions.h"
#include "hub/core/records.h"

namespace coordhub::core {

absl::Status DecideCommand(Context& context, const pb::DeregisterAgentRequest& request) {
  const pb::Agent* agent = context.self;
  if (!request.agent_id().empty()) {
    agent = context.state.FindAgent(request.agent_id());
    if (agent == nullptr) return AgentNotFound(request.agent_id());
    if (agent != context.self && !IsTrusted(context.caller)) {
      return OperatorRequired("end the session of another agent");
    }
    if (!IsLive(*agent)) return AgentEnded(*agent);
  }
  if (agent == nullptr) {
    return base::MakeFieldError("agent_id", "must be given by a caller that is no agent");
  }
  std::string reason = request.reason();
  if (reason.empty()) reason = agent == context.self ? "deregistered" : "ended by the operator";
  EndSession(context, *agent, {.held = HeldFate::kGivenBack, .reason = reason});
  return absl::OkStatus();
}

}  // namespace coordhub::core
