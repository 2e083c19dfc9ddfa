#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/base/status_macros.h"
#include "hub/core/decide/commands.h"
#include "hub/core/decide/operations.h"
#include "hub/core/decide/rounds.h"
#include "hub/core/proto_time.h"
#include "hub/core/records.h"

namespace coordhub::core {
namespace {

bool IsLostForGood(const pb::Round& round, const pb::RoundMember& member, absl::Time now) {
  return member.has_lost_time() && member.state() != pb::RoundMember::STATE_DROPPED &&
         FromProto(member.lost_time()) + FromProto(round.policy().drop_lost_members_after()) <= now;
}

void DropFrom(Context& context, pb::Round round) {
  int dropped = 0;
  int left = 0;
  for (pb::RoundMember& member : *round.mutable_members()) {
    if (IsLostForGood(round, member, context.draft.time())) {
      member.set_state(pb::RoundMember::STATE_DROPPED);
      member.set_reason("its session has ended, and the round does not wait for it");
      ++dropped;
    }
    if (member.state() != pb::RoundMember::STATE_DROPPED) ++left;
  }
  if (dropped == 0) return;
  if (left > 0) return PutRound(context, pb::EVENT_KIND_ROUND_CHANGED, std::move(round));
  round.set_state(pb::Round::STATE_FAILED);
  round.set_reason("every member was lost");
  PutEndedRound(context, pb::EVENT_KIND_ROUND_FAILED, std::move(round));
}

}  // namespace

absl::Status DecideCommand(Context& context, const DropLostMembers&) {
  COORDHUB_RETURN_IF_ERROR(RequireHub(context, "drop lost members"));
  const auto& active = context.state.records().active_rounds;
  for (auto round = active.Begin(); round.Valid(); round.Next()) {
    const bool drops = round->policy().has_drop_lost_members_after();
    if (drops && round->state() != pb::Round::STATE_INTEGRATING) DropFrom(context, *round);
  }
  return absl::OkStatus();
}

}  // namespace coordhub::core
