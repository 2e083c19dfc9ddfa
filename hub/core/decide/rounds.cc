#include "hub/core/decide/rounds.h"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "hub/core/decide/refusals.h"
#include "hub/core/decide/rights.h"
#include "hub/core/decide/round_picture.h"
#include "hub/core/limits.h"
#include "hub/core/proto_time.h"
#include "hub/core/records.h"
#include "hub/core/round_id.h"

namespace coordhub::core {
namespace {

// Forgets the oldest that ended; a scan over all rounds, of which there are little more than a
// thousand.
void ForgetEndedRounds(Context& context) {
  // (revision of the end, number)
  std::vector<std::pair<int64_t, int64_t>> ended;
  const auto& all = context.state.records().of<tables::Rounds>();
  for (auto known = all.Begin(); known.Valid(); known.Next()) {
    const pb::Round* round = context.draft.Find<tables::Rounds>(known.key());
    if (!IsActive(*round)) ended.emplace_back(round->mod_revision(), known.key());
  }
  if (ended.size() <= limits::kEndedRounds) return;
  std::sort(ended.begin(), ended.end());
  ended.resize(ended.size() - limits::kEndedRounds);
  pb::Event& event = context.draft.Add(pb::EVENT_KIND_ROUNDS_FORGOTTEN);
  for (const auto& [revision, number] : ended) {
    context.draft.Erase<tables::Rounds>(event, number);
  }
}

}  // namespace

absl::StatusOr<const pb::Round*> RequireRound(const Context& context, const std::string& round_id,
                                              const std::string& branch) {
  if (!round_id.empty()) {
    const pb::Round* round = context.draft.Find<tables::Rounds>(RoundNumber(round_id));
    if (round == nullptr) return RoundNotFound(round_id);
    return round;
  }
  const Records& records = context.state.records();
  if (!branch.empty()) {
    const pb::Round* round = records.ActiveRoundOf(branch);
    if (round != nullptr) return round;
  }
  if (records.active_rounds.size() == 1) return &*records.active_rounds.Begin();
  return records.active_rounds.empty() ? RoundNotFound("") : WhichRound();
}

absl::Status RequireUnderWay(const pb::Round& round, std::string_view deed) {
  if (round.state() == pb::Round::STATE_OPEN || round.state() == pb::Round::STATE_READY) {
    return absl::OkStatus();
  }
  return WrongRoundState(round, deed);
}

absl::StatusOr<std::string> MemberBranch(const Context& context, const std::string& stated) {
  if (context.self == nullptr) {
    if (stated.empty()) return base::MakeFieldError("branch", "must name the member's branch");
    return stated;
  }
  if (!stated.empty() && stated != context.self->branch()) {
    return OperatorRequired("speak for another member");
  }
  if (context.self->branch().empty()) {
    return base::MakeFieldError("branch", "this session is registered without a branch");
  }
  return context.self->branch();
}

const pb::Round* FindIntegrating(const Context& context, const std::string& round_id,
                                 const std::string& operation_id) {
  const pb::Round* round = context.draft.Find<tables::Rounds>(RoundNumber(round_id));
  const bool integrates = round != nullptr && round->state() == pb::Round::STATE_INTEGRATING &&
                          round->operation_id() == operation_id;
  return integrates ? round : nullptr;
}

pb::RoundMember* FindMember(pb::Round* round, const std::string& branch) {
  for (pb::RoundMember& member : *round->mutable_members()) {
    if (member.branch() == branch) return &member;
  }
  return nullptr;
}

void PutRound(Context& context, pb::EventKind kind, pb::Round round, std::string_view reason) {
  RefreshRound(context.draft, &round);
  context.draft.Put(context.draft.Add(kind, reason), std::move(round));
}

void PutEndedRound(Context& context, pb::EventKind kind, pb::Round round, std::string_view reason) {
  round.clear_blockers();
  round.clear_blocker_count();
  round.clear_intended_commit();
  *round.mutable_end_time() = ToProto(context.draft.time());
  context.draft.Put(context.draft.Add(kind, reason), std::move(round));
  ForgetEndedRounds(context);
}

}  // namespace coordhub::core
