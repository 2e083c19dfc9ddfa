#include <string>
#include <utility>

#include "agent/base/status_macros.h"
#include "hub/core/decide/commands.h"
#include "hub/core/decide/refusals.h"
#include "hub/core/decide/rounds.h"
#include "hub/core/proto_time.h"

namespace coordhub::core {

absl::Status DecideCommand(Context& context, const pb::DeclareReadyRequest& request) {
  COORDHUB_ASSIGN_OR_RETURN(const std::string branch, MemberBranch(context, request.branch()));
  COORDHUB_ASSIGN_OR_RETURN(const pb::Round* known,
                            RequireRound(context, request.round_id(), branch));
  pb::Round round = *known;
  pb::RoundMember* member = FindMember(&round, branch);
  if (member == nullptr) return NotRoundMember(*known, branch);
  COORDHUB_RETURN_IF_ERROR(RequireUnderWay(*known, "declared ready for"));
  std::string commit = request.commit();
  if (commit.empty()) {
    const pb::Branch* observed = context.draft.FindBranch(branch);
    if (observed == nullptr) return BranchNotFound(branch, "it is not there any more");
    commit = observed->commit();
  }
  member->set_ready_commit(std::move(commit));
  *member->mutable_ready_time() = ToProto(context.draft.time());
  PutRound(context, pb::EVENT_KIND_ROUND_CHANGED, std::move(round));
  return absl::OkStatus();
}

}  // namespace coordhub::core
