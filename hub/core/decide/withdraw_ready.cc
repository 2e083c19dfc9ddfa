#include <string>
#include <utility>

#include "agent/base/status_macros.h"
#include "hub/core/decide/commands.h"
#include "hub/core/decide/refusals.h"
#include "hub/core/decide/rounds.h"

namespace coordhub::core {

absl::Status DecideCommand(Context& context, const pb::WithdrawReadyRequest& request) {
  COORDHUB_ASSIGN_OR_RETURN(const std::string branch, MemberBranch(context, request.branch()));
  COORDHUB_ASSIGN_OR_RETURN(const pb::Round* known,
                            RequireRound(context, request.round_id(), branch));
  pb::Round round = *known;
  pb::RoundMember* member = FindMember(&round, branch);
  if (member == nullptr) return NotRoundMember(*known, branch);
  COORDHUB_RETURN_IF_ERROR(RequireUnderWay(*known, "withdrawn from"));
  member->clear_ready_commit();
  member->clear_ready_time();
  PutRound(context, pb::EVENT_KIND_ROUND_CHANGED, std::move(round));
  return absl::OkStatus();
}

}  // namespace coordhub::core
