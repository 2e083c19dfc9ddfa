// A workspace that decides and folds, without engine or journal: what the tests of decisions share.
// Every event is checked on its way in, so each test is also one of the invariants.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/base/error.h"
#include "gtest/gtest.h"
#include "hub/core/command.h"
#include "hub/core/decide.h"
#include "hub/core/decide/refusals.h"
#include "hub/core/invariants.h"
#include "hub/core/proto_time.h"
#include "hub/core/state.h"

namespace coordhub::core {

inline Caller Operator() { return Caller::Operator(); }
inline Caller Hub(const std::string& part = "sessions") { return Caller::Hub(part); }
inline Caller File() { return Caller::File("tickets.md"); }
inline Caller Session(const std::string& session_uid) { return Caller::Session(session_uid); }

// The reason of an error by its name; "OK" for none.
inline std::string ReasonNameOf(const absl::Status& status) {
  return status.ok() ? "OK" : std::string(base::ReasonName(base::ReasonOf(status)));
}

// Names the cases of a table by their `name`.
struct CaseName {
  template <class Case>
  std::string operator()(const testing::TestParamInfo<Case>& tested) const {
    return tested.param.name;
  }
};

class DecidingWorkspace {
 public:
  State state;
  base::Now now{{3'600'000'000'000}, absl::FromUnixSeconds(1'753'790'400)};
  // In proportion to the state with each event: off where a test makes thousands.
  bool check_invariants = true;

  void Advance(absl::Duration duration) {
    now.mono += duration;
    now.wall += duration;
  }

  // Decides, and applies what was decided.
  absl::StatusOr<Decision> Do(const Caller& caller, CommandBody body,
                              const std::string& request_id = "") {
    state.ReleaseDue(now);
    const Command command = {.caller = caller,
                             .body = std::move(body),
                             .request_id = request_id,
                             .fingerprint = "of " + request_id};
    const int64_t revision = state.revision();
    absl::StatusOr<Decision> decision = Decide(state, command, now);
    EXPECT_EQ(state.revision(), revision);
    if (decision.ok()) Apply(*decision, PrivateOf(state, command));
    return decision;
  }

  // The same for what must succeed.
  Decision Must(const Caller& caller, CommandBody body) {
    absl::StatusOr<Decision> decision = Do(caller, std::move(body));
    EXPECT_TRUE(decision.ok()) << decision.status();
    return decision.ok() ? *std::move(decision) : Decision();
  }

  const pb::Ticket& ticket(const std::string& ticket_id) const {
    static const pb::Ticket& none = *new pb::Ticket;
    const pb::Ticket* found = state.FindTicket(TicketNumber(ticket_id));
    EXPECT_NE(found, nullptr) << ticket_id;
    return found == nullptr ? none : *found;
  }
  const pb::Agent& agent(const std::string& agent_id) const {
    static const pb::Agent& none = *new pb::Agent;
    const pb::Agent* found = state.FindAgent(agent_id);
    EXPECT_NE(found, nullptr) << agent_id;
    return found == nullptr ? none : *found;
  }
  std::string StateOf(const std::string& ticket_id) const {
    return std::string(StateName(ticket(ticket_id).state()));
  }
  std::string AgentStateOf(const std::string& agent_id) const {
    return std::string(StateName(agent(agent_id).state()));
  }

  // ---- short ways to what most tests begin with ----

  // Registers as `by`; the uid of the session is new. Returns a caller for the session.
  Caller Register(const std::string& agent_id, const Caller& by = Operator(),
                  bool takeover = false) {
    Must(by, Registration(agent_id, takeover));
    return Session(agent(agent_id).session_uid());
  }
  RegisterAgent Registration(const std::string& agent_id, bool takeover = false) {
    RegisterAgent command;
    command.request.set_agent_id(agent_id);
    command.request.set_takeover(takeover);
    command.new_session_uid = absl::StrCat("uid-", ++last_uid_);
    return command;
  }

  static pb::CreateTicketRequest Creation(const std::vector<std::string>& dependencies = {},
                                          const std::string& parent = "") {
    pb::CreateTicketRequest request;
    request.mutable_spec()->set_title("work");
    request.mutable_spec()->set_parent_ticket_id(parent);
    for (const std::string& id : dependencies) {
      request.mutable_spec()->add_dependencies()->set_ticket_id(id);
    }
    return request;
  }
  // Returns the new ticket's id.
  std::string Create(const std::vector<std::string>& dependencies = {},
                     const std::string& parent = "", const Caller& by = Operator()) {
    return Create(Creation(dependencies, parent), by);
  }
  std::string Create(const pb::CreateTicketRequest& request, const Caller& by = Operator()) {
    Must(by, request);
    return TicketId(state.last_ticket_number());
  }

  static pb::ClaimTicketRequest Claiming(const std::string& ticket_id) {
    pb::ClaimTicketRequest request;
    request.set_ticket_id(ticket_id);
    return request;
  }
  // Returns the fence.
  int64_t Claim(const std::string& ticket_id, const Caller& by) {
    Must(by, Claiming(ticket_id));
    return ticket(ticket_id).claim().fence();
  }

  template <class Request>
  static Request Fenced(const std::string& ticket_id, int64_t fence) {
    Request request;
    request.set_ticket_id(ticket_id);
    request.set_fence(fence);
    return request;
  }
  // Under the present fence.
  void Complete(const std::string& ticket_id, const Caller& by) {
    Must(by, Fenced<pb::CompleteTicketRequest>(ticket_id, ticket(ticket_id).claim().fence()));
  }
  void Release(const std::string& ticket_id, const Caller& by) {
    Must(by, Fenced<pb::ReleaseTicketRequest>(ticket_id, ticket(ticket_id).claim().fence()));
  }
  void Fail(const std::string& ticket_id, const Caller& by, bool final = false) {
    auto request = Fenced<pb::FailTicketRequest>(ticket_id, ticket(ticket_id).claim().fence());
    request.set_reason("does not build");
    request.set_final(final);
    Must(by, request);
  }
  void ClaimAndComplete(const std::string& ticket_id, const Caller& by) {
    Claim(ticket_id, by);
    Complete(ticket_id, by);
  }
  void Cancel(const std::string& ticket_id, const Caller& by = Operator()) {
    pb::CancelTicketRequest request;
    request.set_ticket_id(ticket_id);
    Must(by, request);
  }
  void Reopen(const std::string& ticket_id, const Caller& by = Operator()) {
    pb::ReopenTicketRequest request;
    request.set_ticket_id(ticket_id);
    Must(by, request);
  }
  // Claims and fails until it is buried.
  void Bury(const std::string& ticket_id, const Caller& by) {
    while (ticket(ticket_id).state() == pb::Ticket::STATE_OPEN) {
      Advance(absl::Minutes(5));
      Claim(ticket_id, by);
      Fail(ticket_id, by);
    }
  }
  // As the hub does.
  Decision Expire(const std::string& agent_id) {
    return Must(Hub(), ExpireSession{.agent_id = agent_id,
                                     .session_uid = agent(agent_id).session_uid(),
                                     .silent_for = absl::Seconds(61)});
  }

 private:
  void Apply(const Decision& decision, const jpb::CommitPrivate& bytes) {
    const auto& events = decision.events;
    for (size_t i = 0; i < events.size(); ++i) {
      EXPECT_EQ(events[i]->commit_revision(), events.back()->revision());
      if (check_invariants) Expect(BrokenTransition(state, *events[i]));
      state.Evolve(events[i], i == 0 ? &bytes : nullptr, now);
      if (check_invariants) Expect(BrokenInvariants(state, i + 1 == events.size()));
    }
  }
  static void Expect(const std::vector<std::string>& broken) {
    for (const std::string& sentence : broken) ADD_FAILURE() << sentence;
  }

  int last_uid_ = 0;
};

// "TICKET_COMPLETED T-1, TICKET_UNBLOCKED T-2": what a decision did, in short.
inline std::string EventsOf(const Decision& decision) {
  std::string text;
  for (const auto& event : decision.events) {
    std::string kind = pb::EventKind_Name(event->kind()).substr(sizeof("EVENT_KIND_") - 1);
    absl::StrAppend(&text, text.empty() ? "" : ", ", kind);
    if (event->changes_size() == 0) continue;
    const pb::RecordChange& change = event->changes(0);
    if (change.has_ticket()) absl::StrAppend(&text, " ", change.ticket().ticket_id());
    if (change.has_agent()) absl::StrAppend(&text, " ", change.agent().agent_id());
    if (change.has_branch()) absl::StrAppend(&text, " ", change.branch().branch());
    if (change.has_operation()) absl::StrAppend(&text, " ", change.operation().operation_id());
    if (change.has_comment()) absl::StrAppend(&text, " ", change.comment().ticket_id());
  }
  return text;
}

}  // namespace coordhub::core
