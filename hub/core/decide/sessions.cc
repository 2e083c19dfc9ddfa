#include "hub/core/decide/sessions.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "hub/core/decide/requeue.h"
#include "hub/core/proto_time.h"
#include "hub/core/records.h"

namespace coordhub::core {
namespace {

void CountBelow(const State& state, const std::string& agent_id, Family* family) {
  family->claims += state.ClaimsHeldBy(agent_id);
  for (const std::string& sub_agent_id : state.LiveSubAgentsOf(agent_id)) {
    ++family->sub_agents;
    CountBelow(state, sub_agent_id, family);
  }
}

}  // namespace

Family FamilyOf(const State& state, const pb::Agent& agent) {
  const pb::Agent* first = &agent;
  while (!first->parent_agent_id().empty()) {
    const pb::Agent* parent = state.FindAgent(first->parent_agent_id());
    if (parent == nullptr) break;
    first = parent;
  }
  Family family;
  CountBelow(state, first->agent_id(), &family);
  return family;
}

namespace {

void EndClaims(Context& context, const std::string& holder, const SessionEnd& end) {
  const auto& held = context.state.records().tickets_by_holder;
  for (auto ticket = held.LowerBound(std::pair(holder, int64_t{0}));
       ticket.Valid() && ticket.key().first == holder; ticket.Next()) {
    if (end.held == HeldFate::kGivenBack) {
      GiveClaimBack(context, *ticket, end.reason);
    } else {
      LoseClaim(context, *ticket, end.reason);
    }
  }
}

void EndReservations(Context& context, const std::string& holder, const SessionEnd& end) {
  const bool given_back = end.held == HeldFate::kGivenBack;
  const auto& held = context.state.records().reservations_by_holder;
  for (auto reservation = held.LowerBound(std::pair(holder, std::string()));
       reservation.Valid() && reservation.key().first == holder; reservation.Next()) {
    pb::Reservation ended = *reservation;
    ended.set_state(given_back ? pb::Reservation::STATE_RELEASED : pb::Reservation::STATE_LOST);
    *ended.mutable_end_time() = ToProto(context.draft.time());
    ended.set_end_reason(end.reason);
    context.draft.Put(context.draft.Add(given_back ? pb::EVENT_KIND_RESERVATION_RELEASED
                                                   : pb::EVENT_KIND_RESERVATION_LOST,
                                        end.reason),
                      std::move(ended));
  }
}

// What ends with a session, in this order. A new kind is a function, and a line here.
constexpr void (*kEndsWithSession[])(Context&, const std::string& holder, const SessionEnd&) = {
    EndClaims,
    EndReservations,
};

}  // namespace

void EndHoldings(Context& context, const std::string& agent_id, const SessionEnd& end) {
  for (const auto& end_kind : kEndsWithSession) end_kind(context, agent_id, end);
}

pb::Agent EndedAgent(const Context& context, const pb::Agent& agent, const SessionEnd& end) {
  pb::Agent ended = agent;
  ended.set_state(end.state);
  *ended.mutable_end_time() = ToProto(context.draft.time());
  ended.set_end_reason(end.reason);
  if (end.silent_for.has_value()) *ended.mutable_silent_for() = ToProto(*end.silent_for);
  return ended;
}

void EndSession(Context& context, const pb::Agent& agent, const SessionEnd& end) {
  for (const std::string& sub_agent_id : context.state.LiveSubAgentsOf(agent.agent_id())) {
    const pb::Agent* sub_agent = context.draft.FindAgent(sub_agent_id);
    EndSession(
        context, *sub_agent,
        {.held = end.held, .reason = absl::StrCat("its parent ", agent.agent_id(), " ended")});
  }
  EndHoldings(context, agent.agent_id(), end);
  const pb::EventKind kind = end.state == pb::Agent::STATE_EXPIRED ? pb::EVENT_KIND_AGENT_EXPIRED
                                                                   : pb::EVENT_KIND_AGENT_LEFT;
  context.draft.Put(context.draft.Add(kind, end.reason), EndedAgent(context, agent, end));
}

}  // namespace coordhub::core
