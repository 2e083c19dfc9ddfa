#include "hub/core/invariants.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "hub/core/proto_time.h"
#include "tests/core/recorded_state.h"

namespace coordhub::core {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

// T-1 OPEN; T-2 CLAIMED by alice in attempt 1; T-3 BLOCKED by T-1, and a child of T-4 (BLOCKED);
// T-5 DONE with a body and a comment. alice lives, and so does her sub-agent; bob left.
void Populate(RecordedState& recorded) {
  recorded.RegisterAgent("alice");
  recorded.RegisterAgent("alice/a", "alice");
  recorded.RegisterAgent("bob");
  recorded.EndAgent("bob");
  recorded.CreateTicket([](pb::Ticket& ticket) {
    ticket.add_labels("cc");
    ticket.add_labels("docs");
  });
  recorded.CreateTicket();
  recorded.Claim(2, "alice");
  recorded.CreateTicket([](pb::Ticket& ticket) {
    ticket.set_state(pb::Ticket::STATE_BLOCKED);
    ticket.add_dependencies()->set_ticket_id("T-1");
  });
  recorded.CreateTicket();
  recorded.ChangeTicket(3, pb::EVENT_KIND_TICKET_UPDATED,
                        [](pb::Ticket& ticket) { ticket.set_parent_ticket_id("T-4"); });
  recorded.Move(4, pb::EVENT_KIND_TICKET_BLOCKED, pb::Ticket::STATE_BLOCKED);
  recorded.CreateTicket();
  recorded.Claim(5, "alice/a");
  recorded.Move(5, pb::EVENT_KIND_TICKET_COMPLETED, pb::Ticket::STATE_DONE);
  ASSERT_THAT(BrokenInvariants(recorded.state, true), IsEmpty());
}

struct BrokenTicket {
  std::string name;
  int64_t number;
  std::function<void(pb::Ticket&)> breakage;
  std::string says;
  // Holds inside a commit.
  bool excused_inside = false;
};

class InvariantsOfTickets : public testing::TestWithParam<BrokenTicket> {};

TEST_P(InvariantsOfTickets, AreChecked) {
  RecordedState recorded;
  Populate(recorded);
  recorded.ChangeTicket(GetParam().number, pb::EVENT_KIND_TICKET_UPDATED, GetParam().breakage);
  EXPECT_THAT(BrokenInvariants(recorded.state, true), Contains(HasSubstr(GetParam().says)));
  if (GetParam().excused_inside) {
    EXPECT_THAT(BrokenInvariants(recorded.state, false), IsEmpty());
  }
}

INSTANTIATE_TEST_SUITE_P(
    Ticket, InvariantsOfTickets,
    testing::ValuesIn<BrokenTicket>({
        {"NoState", 1, [](auto& ticket) { ticket.clear_state(); }, "T-1 has no state"},
        {"CreatedInTheFuture", 1, [](auto& ticket) { ticket.set_create_revision(999); },
         "T-1 has revisions 999"},
        {"Priority", 1, [](auto& ticket) { ticket.set_priority(5); }, "T-1 has priority 5"},
        {"UnsortedLabels", 1, [](auto& ticket) { ticket.add_labels("a"); },
         "T-1 has unsorted or repeated labels"},
        {"RepeatedLabels", 1, [](auto& ticket) { ticket.add_labels("docs"); },
         "T-1 has unsorted or repeated labels"},
        {"TooManyAttempts", 2, [](auto& ticket) { ticket.set_attempt(6); },
         "T-2 has attempt 6 of 5"},
        {"NoMaxAttempts", 1, [](auto& ticket) { ticket.set_max_attempts(0); },
         "T-1 has max_attempts 0"},
        {"WaitsWithoutAttemptsLeft", 1, [](auto& ticket) { ticket.set_attempt(5); },
         "T-1 waits with all attempts used up"},
        {"ClaimedInNoAttempt", 2, [](auto& ticket) { ticket.set_attempt(0); },
         "T-2 is CLAIMED in no attempt"},
        {"ClaimedByNobody", 2, [](auto& ticket) { ticket.clear_claim(); },
         "T-2 is STATE_CLAIMED without a claim"},
        {"HeldButOpen", 2, [](auto& ticket) { ticket.set_state(pb::Ticket::STATE_OPEN); },
         "T-2 is STATE_OPEN with a claim"},
        {"FenceFromTheFuture", 1, [](auto& ticket) { ticket.set_last_fence(999); },
         "T-1 has a fence from the future: 999"},
        {"FenceIsNotTheLast", 2,
         [](auto& ticket) { ticket.set_last_fence(ticket.last_fence() - 1); },
         "T-2 has claim fence"},
        {"HolderLeft", 2, [](auto& ticket) { ticket.mutable_claim()->set_agent_id("bob"); },
         "T-2 is held by a session that does not live: bob", true},
        {"HoldersOtherSession", 2,
         [](auto& ticket) { ticket.mutable_claim()->set_session_uid("another"); },
         "T-2 is held by a session that does not live: alice", true},
        {"UnknownDependency", 3,
         [](auto& ticket) { ticket.add_dependencies()->set_ticket_id("T-99"); },
         "T-3 depends on T-99, which does not exist", true},
        {"RepeatedDependency", 3,
         [](auto& ticket) { ticket.add_dependencies()->set_ticket_id("T-1"); },
         "T-3 depends twice on T-1"},
        {"UnknownParent", 1, [](auto& ticket) { ticket.set_parent_ticket_id("T-99"); },
         "T-1 has parent T-99, which does not exist", true},
        {"DependsOnItself", 1,
         [](auto& ticket) { ticket.add_dependencies()->set_ticket_id("T-1"); },
         "a cycle leads through T-1 and T-1"},
        {"DependsOnItsDependent", 1,
         [](auto& ticket) { ticket.add_dependencies()->set_ticket_id("T-3"); },
         "a cycle leads through"},
        {"DependsOnItsParentsParent", 1,
         [](auto& ticket) { ticket.add_dependencies()->set_ticket_id("T-4"); },
         "a cycle leads through"},
        {"OpenButBlocked", 3, [](auto& ticket) { ticket.set_state(pb::Ticket::STATE_OPEN); },
         "T-3 is OPEN but blocked", true},
        {"ParentOpenWithUnfinishedChild", 4,
         [](auto& ticket) { ticket.set_state(pb::Ticket::STATE_OPEN); }, "T-4 is OPEN but blocked",
         true},
        {"BlockedByNothing", 1, [](auto& ticket) { ticket.set_state(pb::Ticket::STATE_BLOCKED); },
         "T-1 is BLOCKED by nothing", true},
        {"BytesOfNoBody", 1, [](auto& ticket) { ticket.set_body_bytes(3); },
         "T-1 has 3 bytes of no body"},
        {"BytesOfNoComments", 1, [](auto& ticket) { ticket.set_comment_bytes(3); },
         "T-1 has 0 comments of 3 bytes"},
    }),
    [](const auto& tested) { return tested.param.name; });

struct BrokenAgent {
  std::string name;
  std::string agent_id;
  std::function<void(pb::Agent&)> breakage;
  std::string says;
};

class InvariantsOfAgents : public testing::TestWithParam<BrokenAgent> {};

TEST_P(InvariantsOfAgents, AreChecked) {
  RecordedState recorded;
  Populate(recorded);
  pb::Agent agent = *recorded.state.FindAgent(GetParam().agent_id);
  GetParam().breakage(agent);
  recorded.Put(pb::EVENT_KIND_AGENT_RESUMED, agent);
  EXPECT_THAT(BrokenInvariants(recorded.state, true), Contains(HasSubstr(GetParam().says)));
}

INSTANTIATE_TEST_SUITE_P(
    Agent, InvariantsOfAgents,
    testing::ValuesIn<BrokenAgent>({
        {"StoredAsSuspect", "alice", [](auto& a) { a.set_state(pb::Agent::STATE_SUSPECT); },
         "alice has state STATE_SUSPECT"},
        {"EndedAtNoTime", "bob", [](auto& a) { a.clear_end_time(); }, "bob ended at no time"},
        {"LivesWithAnEnd", "alice", [](auto& a) { a.mutable_end_time()->set_seconds(1); },
         "alice lives with an end_time"},
        {"FenceFromTheFuture", "alice", [](auto& a) { a.set_fence(999); },
         "alice has revisions 1, fence 999"},
        {"NoSession", "alice", [](auto& a) { a.clear_session_uid(); }, "alice has no session_uid"},
        {"SharedSession", "alice/a", [](auto& a) { a.set_session_uid("alice@1"); },
         "two agents share session alice@1"},
        {"EndedAndHolds", "alice",
         [](auto& a) {
           a.set_state(pb::Agent::STATE_LEFT);
           a.mutable_end_time()->set_seconds(1);
         },
         "alice ended but holds a ticket"},
        {"OutlivesItsParent", "alice",
         [](auto& a) {
           a.set_state(pb::Agent::STATE_LEFT);
           a.mutable_end_time()->set_seconds(1);
         },
         "alice/a lives though its parent ended"},
    }),
    [](const auto& tested) { return tested.param.name; });

// ---- between a state and an event ----

// A commit of one event; `breakage` changes it before it is looked at.
struct BrokenStep {
  std::string name;
  pb::EventKind kind;
  int64_t number;
  std::function<void(pb::Ticket&)> change;
  std::function<void(pb::Event&)> breakage;
  // Empty: nothing is broken.
  std::string says;
};

class Transitions : public testing::TestWithParam<BrokenStep> {};

pb::Event NextTicketEvent(const RecordedState& recorded, const BrokenStep& step) {
  Draft draft(recorded.state, "operator", recorded.now);
  pb::Ticket ticket = *recorded.state.FindTicket(step.number);
  step.change(ticket);
  draft.Put(draft.Add(step.kind), ticket);
  pb::Event event = *std::move(draft).Finish().front();
  if (step.breakage) step.breakage(event);
  return event;
}

TEST_P(Transitions, AreChecked) {
  RecordedState recorded;
  Populate(recorded);
  const std::vector<std::string> broken =
      BrokenTransition(recorded.state, NextTicketEvent(recorded, GetParam()));
  if (GetParam().says.empty()) {
    EXPECT_THAT(broken, IsEmpty());
  } else {
    EXPECT_THAT(broken, Contains(HasSubstr(GetParam().says)));
  }
}

void Unchanged(pb::Ticket&) {}
void Done(pb::Ticket& ticket) {
  ticket.clear_claim();
  ticket.set_state(pb::Ticket::STATE_DONE);
}
void Requeued(pb::Ticket& ticket) {
  ticket.clear_claim();
  ticket.set_state(pb::Ticket::STATE_OPEN);
}
// By alice, at the next revision (Populate ends at 14).
void Claimed(pb::Ticket& ticket) {
  ticket.set_state(pb::Ticket::STATE_CLAIMED);
  ticket.set_attempt(ticket.attempt() + 1);
  ticket.set_last_fence(15);
  ticket.mutable_claim()->set_agent_id("alice");
  ticket.mutable_claim()->set_fence(15);
}

INSTANTIATE_TEST_SUITE_P(
    Ticket, Transitions,
    testing::ValuesIn<BrokenStep>({
        {"Update", pb::EVENT_KIND_TICKET_UPDATED, 1, Unchanged, {}, ""},
        {"UpdateOfAHeldTicket", pb::EVENT_KIND_TICKET_UPDATED, 2, Unchanged, {}, ""},
        {"Complete", pb::EVENT_KIND_TICKET_COMPLETED, 2, Done, {}, ""},
        {"Claim", pb::EVENT_KIND_TICKET_CLAIMED, 1, Claimed, {}, ""},
        {"ClaimLost", pb::EVENT_KIND_TICKET_CLAIM_LOST, 2, Requeued, {}, ""},
        {"ReleaseKeepsTheAttempt",
         pb::EVENT_KIND_TICKET_RELEASED,
         2,
         Requeued,
         {},
         "may not move T-2 from STATE_CLAIMED attempt 1 to STATE_OPEN attempt 1"},
        {"Release",
         pb::EVENT_KIND_TICKET_RELEASED,
         2,
         [](auto& ticket) {
           Requeued(ticket);
           ticket.set_attempt(0);
         },
         {},
         ""},
        {"CompleteOfAnOpenTicket",
         pb::EVENT_KIND_TICKET_COMPLETED,
         1,
         Done,
         {},
         "may not move T-1 from STATE_OPEN"},
        {"ClaimOfABlockedTicket",
         pb::EVENT_KIND_TICKET_CLAIMED,
         3,
         Claimed,
         {},
         "may not move T-3 from STATE_BLOCKED"},
        {"ClaimOfAHeldTicket",
         pb::EVENT_KIND_TICKET_CLAIMED,
         2,
         Claimed,
         {},
         "may not move T-2 from STATE_CLAIMED"},
        {"ClaimWithoutCounting",
         pb::EVENT_KIND_TICKET_CLAIMED,
         1,
         [](auto& ticket) {
           Claimed(ticket);
           ticket.set_attempt(0);
         },
         {},
         "may not move T-1"},
        {"ClaimUnderAnOldFence",
         pb::EVENT_KIND_TICKET_CLAIMED,
         1,
         [](auto& ticket) {
           Claimed(ticket);
           ticket.mutable_claim()->set_fence(14);
         },
         {},
         "grants T-1 with fence 14"},
        {"FenceLowered",
         pb::EVENT_KIND_TICKET_COMPLETED,
         2,
         [](auto& ticket) {
           Done(ticket);
           ticket.set_last_fence(0);
         },
         {},
         "changes the last fence of T-2"},
        {"UpdateTakesTheClaim",
         pb::EVENT_KIND_TICKET_UPDATED,
         2,
         [](auto& ticket) { ticket.mutable_claim()->set_agent_id("bob"); },
         {},
         "changes the claim of T-2"},
        {"UpdateOfTheState",
         pb::EVENT_KIND_TICKET_UPDATED,
         5,
         Requeued,
         {},
         "may not move T-5 from STATE_DONE"},
        {"ReopenKeepsAttempts",
         pb::EVENT_KIND_TICKET_REOPENED,
         5,
         Requeued,
         {},
         "may not move T-5"},
        {"KindThatIsAboutNoTicket",
         pb::EVENT_KIND_AGENT_LEFT,
         1,
         Unchanged,
         {},
         "may not move T-1"},
        {"MadeTwice",
         pb::EVENT_KIND_TICKET_CREATED,
         1,
         Unchanged,
         {},
         "may not move T-1 from STATE_OPEN"},
        {"Gap", pb::EVENT_KIND_TICKET_UPDATED, 1, Unchanged, [](auto& e) { e.set_revision(99); },
         "event 99 EVENT_KIND_TICKET_UPDATED is not the next after 14"},
        {"CommitBeforeItself", pb::EVENT_KIND_TICKET_UPDATED, 1, Unchanged,
         [](auto& e) { e.set_commit_revision(14); }, "has commit_revision 14"},
        {"BackInTime", pb::EVENT_KIND_TICKET_UPDATED, 1, Unchanged,
         [](auto& e) { e.mutable_event_time()->set_seconds(1); }, "goes back in time"},
        {"ByNobody", pb::EVENT_KIND_TICKET_UPDATED, 1, Unchanged, [](auto& e) { e.clear_actor(); },
         "has no actor"},
        {"ErasesATicket", pb::EVENT_KIND_TICKET_UPDATED, 1, Unchanged,
         [](auto& e) { e.mutable_changes(0)->set_erased(true); }, "may not archive T-1"},
        {"WrongPreviousState", pb::EVENT_KIND_TICKET_UPDATED, 1, Unchanged,
         [](auto& e) {
           e.mutable_changes(0)->mutable_previous()->set_ticket_state(pb::Ticket::STATE_DONE);
         },
         "says wrongly what T-1 was before"},
        {"NoPrevious", pb::EVENT_KIND_TICKET_UPDATED, 1, Unchanged,
         [](auto& e) { e.mutable_changes(0)->clear_previous(); },
         "tells a new T-1 from a known one wrongly"},
        {"OldModRevision", pb::EVENT_KIND_TICKET_UPDATED, 1, Unchanged,
         [](auto& e) { e.mutable_changes(0)->mutable_ticket()->set_mod_revision(3); },
         "gives T-1 mod_revision 3"},
        {"AnotherCreator",
         pb::EVENT_KIND_TICKET_UPDATED,
         1,
         [](auto& ticket) { ticket.set_creator("eve"); },
         {},
         "changes where T-1 comes from"},
    }),
    [](const auto& tested) { return tested.param.name; });

TEST(Transitions, OfSessionsAreChecked) {
  RecordedState recorded;
  Populate(recorded);
  const auto broken = [&](pb::EventKind kind, const std::string& agent_id, const auto& change) {
    Draft draft(recorded.state, "operator", recorded.now);
    pb::Agent agent = *recorded.state.FindAgent(agent_id);
    change(agent);
    draft.Put(draft.Add(kind), agent);
    return BrokenTransition(recorded.state, *std::move(draft).Finish().front());
  };
  const auto end = [](pb::Agent& agent) { agent.set_state(pb::Agent::STATE_LEFT); };
  EXPECT_THAT(broken(pb::EVENT_KIND_AGENT_LEFT, "alice", end), IsEmpty());
  EXPECT_THAT(broken(pb::EVENT_KIND_AGENT_LEFT, "bob", end),
              Contains(HasSubstr("may not move bob")));
  EXPECT_THAT(broken(pb::EVENT_KIND_AGENT_RESUMED, "alice",
                     [](pb::Agent& agent) { agent.set_fence(1000); }),
              Contains(HasSubstr("changes the session of alice")));
  EXPECT_THAT(broken(pb::EVENT_KIND_AGENT_REGISTERED, "bob",
                     [](pb::Agent& agent) {
                       agent.set_state(pb::Agent::STATE_ACTIVE);
                       agent.set_fence(15);
                     }),
              Contains(HasSubstr("begins a session of bob that is not new")));
}

}  // namespace
}  // namespace coordhub::core
