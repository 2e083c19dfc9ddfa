#include <utility>

#include "agent/base/status_macros.h"
#include "hub/core/decide/commands.h"
#include "hub/core/decide/integrated_tickets.h"
#include "hub/core/decide/operations.h"
#include "hub/core/decide/rounds.h"

namespace coordhub::core {
namespace {

void SetMembers(const ConcludeRound& command, pb::Round* round) {
  for (const ConcludeRound::Member& concluded : command.members) {
    pb::RoundMember* member = FindMember(round, concluded.branch);
    if (member == nullptr) continue;
    member->set_state(concluded.state);
    member->set_integrated_commit(concluded.commit);
    member->set_reason(NoteLine(concluded.reason));
  }
}

}  // namespace

absl::Status DecideCommand(Context& context, const ConcludeRound& command) {
  COORDHUB_RETURN_IF_ERROR(RequireHub(context, "say how an integration ended"));
  const pb::Round* known = FindIntegrating(context, command.round_id, command.operation_id);
  if (known == nullptr) return absl::OkStatus();
  pb::Round round = *known;
  round.set_reason(command.reason);
  if (command.state == pb::Round::STATE_OPEN) {
    round.set_state(pb::Round::STATE_OPEN);
    round.clear_intended_commit();
    PutRound(context, pb::EVENT_KIND_ROUND_REOPENED, std::move(round), command.reason);
    return absl::OkStatus();
  }
  SetMembers(command, &round);
  round.set_state(command.state);
  round.set_converged_commit(command.commit);
  MarkTickets(context, round.target(), command.tickets);
  const bool converged = command.state == pb::Round::STATE_CONVERGED;
  PutEndedRound(context, converged ? pb::EVENT_KIND_ROUND_CONVERGED : pb::EVENT_KIND_ROUND_FAILED,
                std::move(round), command.reason);
  return absl::OkStatus();
}

}  // namespace coordhub::core
