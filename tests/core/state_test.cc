#include "hub/core/state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "absl/strings/str_join.h"
#include "hub/core/invariants.h"
#include "hub/core/limits.h"
#include "hub/core/proto_time.h"
#include "tests/core/recorded_state.h"
#include "tests/core/sample_state.h"

namespace coordhub::core {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr auto kOpen = pb::Ticket::STATE_OPEN;
constexpr auto kBlocked = pb::Ticket::STATE_BLOCKED;
constexpr auto kDone = pb::Ticket::STATE_DONE;
constexpr auto kUpdated = pb::EVENT_KIND_TICKET_UPDATED;

std::vector<std::string> Describe(const std::vector<pb::Blocker>& blockers) {
  std::vector<std::string> texts;
  for (const pb::Blocker& blocker : blockers) {
    texts.push_back(absl::StrCat(blocker.ticket_id(), " ", pb::Blocker::Kind_Name(blocker.kind()),
                                 " ", pb::Ticket::State_Name(blocker.state()),
                                 blocker.stuck() ? " stuck" : ""));
  }
  return texts;
}

TEST(TicketNumber, ReadsWhatTicketIdWrites) {
  EXPECT_EQ(TicketNumber(TicketId(17)), 17);
  EXPECT_EQ(TicketNumber("T-999999999999999999"), 999999999999999999);
  for (const char* malformed : {"", "T", "T-", "T-0", "T-017", "T--1", "T-+1", "t-1", "17", "T-1 ",
                                " T-1", "T-1x", "T-1000000000000000000"}) {
    EXPECT_EQ(TicketNumber(malformed), 0) << malformed;
  }
}

TEST(State, BeginsEmpty) {
  State state;
  EXPECT_EQ(state.revision(), 0);
  EXPECT_EQ(state.FindTicket(1), nullptr);
  EXPECT_EQ(state.FindAgent("alice"), nullptr);
  EXPECT_EQ(state.FindSession("uid"), nullptr);
  EXPECT_EQ(state.OldestEndedAgent(), nullptr);
  EXPECT_TRUE(state.DependentsOf(1).empty());
  EXPECT_THAT(BrokenInvariants(state, true), IsEmpty());
}

TEST(State, HoldsRecordsInsideTheirEvents) {
  RecordedState recorded;
  Populate(recorded);
  recorded.ChangeTicket(5, kUpdated, [](pb::Ticket&) {});
  const pb::Event& last = *recorded.log.back().event;
  EXPECT_EQ(recorded.state.FindTicket(5), &last.changes(0).ticket());
  EXPECT_THAT(BrokenInvariants(recorded.state, true), IsEmpty());
}

TEST(State, ListsTicketsByStateHolderAndParent) {
  RecordedState recorded;
  Populate(recorded);
  const Records& records = recorded.state.records();
  EXPECT_EQ(records.ticket_counts[kOpen], 5);
  EXPECT_EQ(records.ticket_counts[kBlocked], 2);
  EXPECT_EQ(records.ticket_counts[kDone], 1);
  EXPECT_TRUE(records.tickets_by_holder.Contains(std::pair<std::string, int64_t>("alice", 2)));
  EXPECT_FALSE(
      records.tickets_by_holder.Contains(std::pair<std::string, int64_t>("alice/reviewer", 3)));
  EXPECT_TRUE(records.tickets_by_parent.Contains(std::pair<int64_t, int64_t>(7, 9)));
  EXPECT_THAT(recorded.state.DependentsOf(1).unfinished, ElementsAre(9));

  recorded.ChangeTicket(9, kUpdated, [](pb::Ticket& ticket) {
    ticket.clear_parent_ticket_id();
    ticket.clear_dependencies();
    DependOn(ticket, 6);
  });
  EXPECT_FALSE(
      recorded.state.records().tickets_by_parent.Contains(std::pair<int64_t, int64_t>(7, 9)));
  EXPECT_TRUE(recorded.state.DependentsOf(1).empty());
  EXPECT_THAT(recorded.state.DependentsOf(6).unfinished, ElementsAre(9));
}

TEST(State, FindsSessionsSubAgentsAndWhoEndedFirst) {
  RecordedState recorded;
  recorded.RegisterAgent("alice");
  recorded.RegisterAgent("alice/a", "alice");
  recorded.RegisterAgent("alice/b", "alice");
  recorded.RegisterAgent("bob");
  const std::string first_session = recorded.state.FindAgent("alice/a")->session_uid();
  EXPECT_EQ(recorded.state.FindSession(first_session)->agent_id(), "alice/a");
  EXPECT_THAT(recorded.state.LiveSubAgentsOf("alice"), ElementsAre("alice/a", "alice/b"));
  EXPECT_EQ(recorded.state.live_agent_count(), 4u);

  recorded.EndAgent("alice/b");
  recorded.EndAgent("alice/a");
  EXPECT_EQ(recorded.state.FindSession(first_session), nullptr);
  EXPECT_THAT(recorded.state.LiveSubAgentsOf("alice"), IsEmpty());
  EXPECT_EQ(recorded.state.OldestEndedAgent()->agent_id(), "alice/b");

  recorded.RegisterAgent("alice/b", "alice");
  EXPECT_EQ(recorded.state.OldestEndedAgent()->agent_id(), "alice/a");
  recorded.ForgetAgent("alice/a");
  EXPECT_EQ(recorded.state.OldestEndedAgent(), nullptr);
  EXPECT_EQ(recorded.state.agent_count(), 3u);
  EXPECT_THAT(BrokenInvariants(recorded.state, true), IsEmpty());
}

// ---- time ----

class Delays : public testing::Test {
 protected:
  // A ticket that may be claimed in a minute.
  int64_t CreateDelayed() {
    return recorded_.CreateTicket([&](pb::Ticket& ticket) {
      *ticket.mutable_not_before() = ToProto(recorded_.now.wall + absl::Minutes(1));
    });
  }
  // A ticket that rests for a minute.
  int64_t CreateResting() {
    return recorded_.CreateTicket(
        [&](pb::Ticket& ticket) { *ticket.mutable_backoff() = ToProto(absl::Minutes(1)); });
  }
  bool IsReady(int64_t number, const base::Now& now) {
    recorded_.state.ReleaseDue(now);
    return recorded_.state.ready().IsReady(number);
  }
  bool IsReadyAfter(int64_t number, absl::Duration wait) {
    return IsReady(number, {recorded_.now.mono + wait, recorded_.now.wall + wait});
  }

  RecordedState recorded_;
  static constexpr absl::Duration kTick = absl::Nanoseconds(1);
};

TEST_F(Delays, EndWhenNotBeforeComes) {
  const int64_t number = CreateDelayed();
  EXPECT_EQ(recorded_.state.ready().NextTime(), recorded_.now.wall + absl::Minutes(1));
  EXPECT_FALSE(IsReadyAfter(number, absl::Minutes(1) - kTick));
  EXPECT_TRUE(IsReadyAfter(number, absl::Minutes(1)));
}

TEST_F(Delays, NotBeforeIsATimeOfDayWhateverTheMachineDidMeanwhile) {
  const int64_t slept = CreateDelayed();
  const int64_t was_set_back = CreateDelayed();
  const base::Now now = recorded_.now;
  EXPECT_FALSE(IsReady(was_set_back, {now.mono + absl::Hours(8), now.wall - absl::Minutes(5)}));
  EXPECT_TRUE(IsReady(slept, {now.mono + absl::Seconds(1), now.wall + absl::Hours(8)}));
}

TEST_F(Delays, BackOffsAreNotTouchedByTheWallClock) {
  const int64_t number = CreateResting();
  recorded_.now.wall += absl::Hours(24);
  // Another change of the ticket does not begin it anew.
  recorded_.ChangeTicket(number, kUpdated, [](pb::Ticket& ticket) { ticket.set_priority(0); });
  EXPECT_FALSE(IsReadyAfter(number, absl::Minutes(1) - kTick));
  EXPECT_TRUE(IsReadyAfter(number, absl::Minutes(1)));
}

TEST_F(Delays, ThatPassedLeaveATicketReady) {
  const int64_t number = CreateDelayed();
  ASSERT_TRUE(IsReadyAfter(number, absl::Minutes(1)));
  recorded_.ChangeTicket(number, kUpdated, [](pb::Ticket& ticket) { ticket.set_priority(0); });
  EXPECT_TRUE(recorded_.state.ready().IsReady(number));
}

TEST_F(Delays, ChangeWithNotBefore) {
  const int64_t number = CreateDelayed();
  recorded_.ChangeTicket(number, kUpdated, [&](pb::Ticket& ticket) {
    *ticket.mutable_not_before() = ToProto(recorded_.now.wall + absl::Minutes(2));
  });
  EXPECT_FALSE(IsReadyAfter(number, absl::Minutes(2) - kTick));
  recorded_.ChangeTicket(number, kUpdated, [](pb::Ticket& ticket) { ticket.clear_not_before(); });
  EXPECT_TRUE(recorded_.state.ready().IsReady(number));
}

TEST_F(Delays, AreReckonedAnewAfterReplayAndLoad) {
  const int64_t delayed = CreateDelayed();
  const int64_t resting = CreateResting();
  const auto view = recorded_.state.MakeView();
  Advance(recorded_.now, absl::Seconds(20));
  recorded_.now.mono = {7};  // another process
  for (const auto& state : {recorded_.Replay(), recorded_.Reload(*view)}) {
    EXPECT_EQ(state->ready().delayed_count(), 2);
    EXPECT_EQ(state->ready().NextTime(), recorded_.now.wall + absl::Seconds(40));
    EXPECT_EQ(state->ready().Rested(resting), base::MonoTime{7} + absl::Minutes(1))
        << "a back-off counts from the start";
  }
  Advance(recorded_.now, absl::Seconds(40));
  for (const auto& state : {recorded_.Replay(), recorded_.Reload(*view)}) {
    EXPECT_TRUE(state->ready().IsReady(delayed));
    EXPECT_FALSE(state->ready().IsReady(resting));
  }
}

TEST_F(Delays, WakeWhoeverWaitsWhenTheyEnd) {
  const int64_t number = CreateDelayed();
  const int64_t other = recorded_.CreateTicket();
  EXPECT_THAT(recorded_.state.TakeNewlyReady(), ElementsAre(other));
  Advance(recorded_.now, absl::Minutes(1));
  EXPECT_EQ(recorded_.state.ReleaseDue(recorded_.now), 1);
  EXPECT_THAT(recorded_.state.TakeNewlyReady(), ElementsAre(number));
  EXPECT_THAT(recorded_.state.TakeNewlyReady(), IsEmpty());
}

// ---- requests ----

TEST(Requests, AreRememberedWithTheirCommit) {
  RecordedState recorded;
  Populate(recorded);
  const jpb::RememberedRequest* request = recorded.state.FindRequest("alice", "", "request-1");
  ASSERT_NE(request, nullptr);
  EXPECT_EQ(request->first_revision(), recorded.state.revision());
  EXPECT_EQ(request->commit_revision(), recorded.state.revision());
  EXPECT_EQ(request->key().fingerprint(), "fingerprint of request-1");
  EXPECT_EQ(recorded.state.FindRequest("bob", "", "request-1"), nullptr);
  EXPECT_EQ(recorded.state.FindRequest("alice", "", "request-2"), nullptr);
}

TEST(Requests, LeaveTheWindowOldestFirst) {
  constexpr int kWindow = limits::kRememberedPerClient;
  RecordedState recorded;
  recorded.CreateTicket();
  Remember(recorded, "alice", 1, kWindow);
  EXPECT_NE(recorded.state.FindRequest("alice", "", "request-1"), nullptr);
  Remember(recorded, "alice", kWindow + 1, kWindow + 1);
  EXPECT_EQ(recorded.state.FindRequest("alice", "", "request-1"), nullptr);
  EXPECT_NE(recorded.state.FindRequest("alice", "", "request-2"), nullptr);
  // What left the window may come again.
  Remember(recorded, "alice", 1, 1);
  EXPECT_EQ(recorded.state.FindRequest("alice", "", "request-1")->commit_revision(),
            recorded.state.revision());
  EXPECT_THAT(BrokenInvariants(recorded.state, true), IsEmpty());
}

TEST(Requests, AWindowIsNeverSmallerThanWhatAClientMayHaveInFlight) {
  RecordedState recorded;
  recorded.CreateTicket();
  Remember(recorded, "alice", 1, limits::kInFlight);
  EXPECT_NE(recorded.state.FindRequest("alice", "", "request-1"), nullptr);
}

TEST(Requests, NobodyElsesTrafficShortensAWindow) {
  RecordedState recorded;
  recorded.CreateTicket();
  Remember(recorded, "operator", 1, 1, "mine");
  Remember(recorded, "operator", 1, limits::kRememberedPerClient + 10, "another");
  Remember(recorded, "operator", 1, limits::kRememberedPerClient + 10);
  EXPECT_NE(recorded.state.FindRequest("operator", "mine", "request-1"), nullptr);
  EXPECT_EQ(recorded.state.FindRequest("operator", "another", "request-1"), nullptr);
  EXPECT_EQ(recorded.state.FindRequest("operator", "", "request-1"), nullptr);
  EXPECT_EQ(recorded.CurrentDigest(), Digest(*recorded.Replay()->MakeView()));
}

TEST(Requests, KeepWhatTheirAnswersNeedAndLargeOnesSayThatItIsStored) {
  RecordedState recorded;
  recorded.CreateTicket();
  Remember(recorded, "alice", 1, 1);
  const jpb::RememberedRequest* small = recorded.state.FindRequest("alice", "", "request-1");
  ASSERT_EQ(small->events_size(), 1);
  EXPECT_EQ(small->events(0), recorded.log.back().event->SerializeAsString());
  EXPECT_FALSE(small->stored());

  pb::TicketBody body;
  body.set_ticket_id("T-1");
  body.set_text(std::string(limits::kAnswerBytes, 'x'));
  recorded.Put(pb::EVENT_KIND_TICKET_UPDATED, body, "alice", "large");
  const int64_t commit = recorded.state.revision();
  const jpb::RememberedRequest* large = recorded.state.FindRequest("alice", "", "large");
  EXPECT_TRUE(large->stored());
  EXPECT_THAT(large->events(), IsEmpty());

  EXPECT_THAT(recorded.state.TakeForgottenAnswers(), IsEmpty());
  Remember(recorded, "alice", 2, limits::kRememberedPerClient + 1);
  EXPECT_THAT(recorded.state.TakeForgottenAnswers(), ElementsAre(commit));
}

TEST(Requests, OfClientsThatWereSilentGoByName) {
  RecordedState recorded;
  recorded.CreateTicket();
  Remember(recorded, "alice", 1, 3, "a");
  Remember(recorded, "alice", 1, 3, "ab");
  const auto view = recorded.state.MakeView();
  const std::string before = Digest(*view);
  jpb::CommitPrivate forget;
  forget.add_forgotten_clients(tables::Requests::WindowOf("alice", "a"));
  Draft draft(recorded.state, "operator", recorded.now);
  draft.Put(draft.Add(pb::EVENT_KIND_TICKET_UPDATED), *recorded.state.FindTicket(1));
  recorded.state.Evolve(std::move(draft).Finish()[0], &forget, recorded.now);
  EXPECT_EQ(recorded.state.FindRequest("alice", "a", "request-2"), nullptr);
  EXPECT_NE(recorded.state.FindRequest("alice", "ab", "request-2"), nullptr);
  EXPECT_THAT(BrokenInvariants(recorded.state, true), IsEmpty());
  recorded.state.RollBack(*view, recorded.now);
  EXPECT_EQ(recorded.CurrentDigest(), before);
  EXPECT_NE(recorded.state.FindRequest("alice", "a", "request-2"), nullptr);
}

TEST(Requests, GoWithTheirAgent) {
  RecordedState recorded;
  recorded.CreateTicket();
  recorded.RegisterAgent("alice");
  Remember(recorded, "alice", 1, 3);
  Remember(recorded, "alice2", 1, 1);
  recorded.EndAgent("alice");
  EXPECT_NE(recorded.state.FindRequest("alice", "", "request-1"), nullptr);
  recorded.ForgetAgent("alice");
  EXPECT_EQ(recorded.state.FindRequest("alice", "", "request-1"), nullptr);
  EXPECT_NE(recorded.state.FindRequest("alice2", "", "request-1"), nullptr);
  EXPECT_THAT(BrokenInvariants(recorded.state, true), IsEmpty());
}

// ---- blockers ----

TEST(Blockers, AreUnmetDependenciesThenUnfinishedChildren) {
  RecordedState recorded;
  const std::map<int64_t, pb::Ticket::State> dependencies = {
      {1, kOpen},
      {2, kDone},
      {3, kBlocked},
      {4, pb::Ticket::STATE_CLAIMED},
      {5, pb::Ticket::STATE_FAILED},
      {6, pb::Ticket::STATE_CANCELLED},
      {7, pb::Ticket::STATE_BURIED},
  };
  for (const auto& [number, state] : dependencies) {
    recorded.CreateTicket([&, state = state](pb::Ticket& ticket) { ticket.set_state(state); });
  }
  const int64_t integrated = recorded.CreateTicket([](pb::Ticket& ticket) {
    ticket.set_state(kDone);
    ticket.mutable_integration()->set_target("main");
  });
  const int64_t parent = recorded.CreateTicket([&](pb::Ticket& ticket) {
    ticket.set_state(kBlocked);
    for (const auto& [number, state] : dependencies) DependOn(ticket, number);
    DependOn(ticket, integrated);
  });
  for (const auto& [number, state] : dependencies) {
    recorded.CreateTicket([&, state = state](pb::Ticket& ticket) {
      ticket.set_state(state);
      ticket.set_parent_ticket_id(TicketId(parent));
    });
  }
  const Records& records = recorded.state.records();
  const pb::Ticket& ticket = *recorded.state.FindTicket(parent);
  EXPECT_THAT(
      Describe(BlockersOf(records, ticket)),
      ElementsAre("T-1 KIND_DEPENDENCY STATE_OPEN", "T-3 KIND_DEPENDENCY STATE_BLOCKED",
                  "T-4 KIND_DEPENDENCY STATE_CLAIMED", "T-5 KIND_DEPENDENCY STATE_FAILED stuck",
                  "T-6 KIND_DEPENDENCY STATE_CANCELLED stuck",
                  "T-7 KIND_DEPENDENCY STATE_BURIED stuck", "T-10 KIND_CHILD STATE_OPEN",
                  "T-12 KIND_CHILD STATE_BLOCKED", "T-13 KIND_CHILD STATE_CLAIMED",
                  "T-16 KIND_CHILD STATE_BURIED stuck"));
}

TEST(Blockers, WaitForIntegrationWhereAsked) {
  RecordedState recorded;
  const int64_t done = recorded.CreateTicket([](pb::Ticket& ticket) { ticket.set_state(kDone); });
  const int64_t waiting = recorded.CreateTicket([&](pb::Ticket& ticket) {
    ticket.set_state(kBlocked);
    DependOn(ticket, done, pb::Dependency::UNTIL_INTEGRATED);
  });
  EXPECT_THAT(Describe(BlockersOf(recorded.state.records(), *recorded.state.FindTicket(waiting))),
              ElementsAre("T-1 KIND_DEPENDENCY STATE_DONE"));
  recorded.ChangeTicket(done, pb::EVENT_KIND_TICKET_INTEGRATED, [](pb::Ticket& ticket) {
    ticket.mutable_integration()->set_target("main");
  });
  EXPECT_THAT(BlockersOf(recorded.state.records(), *recorded.state.FindTicket(waiting)), IsEmpty());
}

TEST(Blockers, AreShownUpToALimit) {
  RecordedState recorded;
  const int64_t parent =
      recorded.CreateTicket([](pb::Ticket& ticket) { ticket.set_state(kBlocked); });
  const auto add_child = [&] {
    recorded.CreateTicket(
        [&](pb::Ticket& ticket) { ticket.set_parent_ticket_id(TicketId(parent)); });
  };
  for (size_t i = 0; i <= limits::kBlockersShown; ++i) add_child();
  const Records& records = recorded.state.records();
  EXPECT_EQ(BlockersOf(records, *recorded.state.FindTicket(parent)).size(), limits::kBlockersShown);
}

TEST(Blockers, AreShownOfBlockedTicketsOnly) {
  RecordedState recorded;
  const int64_t dependency = recorded.CreateTicket();
  const int64_t ticket = recorded.CreateTicket([&](pb::Ticket& t) {
    t.set_state(pb::Ticket::STATE_CANCELLED);
    DependOn(t, dependency);
  });
  EXPECT_THAT(BlockersOf(recorded.state.records(), *recorded.state.FindTicket(ticket)), IsEmpty());
  EXPECT_EQ(UnmetEdgesOf(recorded.state.records(), *recorded.state.FindTicket(ticket), 10).size(),
            1u);
}

// ---- what cannot be applied ----

using StateDeathTest = testing::Test;

std::shared_ptr<pb::Event> NextEvent(const State& state) {
  auto event = std::make_shared<pb::Event>();
  event->set_revision(state.revision() + 1);
  event->set_commit_revision(state.revision() + 1);
  return event;
}

TEST(StateDeathTest, StopsAtAGap) {
  State state;
  auto event = NextEvent(state);
  event->set_revision(2);
  EXPECT_DEATH(state.Evolve(event, nullptr, TestStart()), "event 2 after revision 0");
}

TEST(StateDeathTest, StopsAtARecordItDoesNotKnow) {
  State state;
  auto event = NextEvent(state);
  event->set_kind(pb::EVENT_KIND_ROUND_OPENED);
  event->add_changes();  // as a parser leaves one of a newer version
  EXPECT_DEATH(state.Evolve(event, nullptr, TestStart()),
               "EVENT_KIND_ROUND_OPENED changes a record");
  auto record = std::make_shared<jpb::SnapshotRecord>();
  record->mutable_record();
  EXPECT_DEATH(state.LoadRecord(record), "a snapshot holds a record");
}

TEST(StateDeathTest, StopsAtAnErasureOfNothing) {
  State state;
  auto event = NextEvent(state);
  pb::RecordChange& change = *event->add_changes();
  change.mutable_agent()->set_agent_id("alice");
  change.set_erased(true);
  EXPECT_DEATH(state.Evolve(event, nullptr, TestStart()), "agent alice, which does not exist");
}

TEST(StateDeathTest, StopsAtAMalformedTicketId) {
  State state;
  auto event = NextEvent(state);
  event->add_changes()->mutable_ticket()->set_ticket_id("17");
  EXPECT_DEATH(state.Evolve(event, nullptr, TestStart()), "malformed ticket id 17");
}

TEST(StateDeathTest, StopsAtARequestThatHappensTwice) {
  RecordedState recorded;
  recorded.CreateTicket();
  Remember(recorded, "alice", 1, 1);
  EXPECT_DEATH(Remember(recorded, "alice", 1, 1), "request-1 of alice happens twice");
}

}  // namespace
}  // namespace coordhub::core
