#include "hub/core/state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <thread>

#include "absl/strings/str_join.h"
#include "hub/core/invariants.h"
#include "hub/core/limits.h"
#include "hub/core/proto_time.h"
#include "tests/core/recorded_state.h"

namespace coordhub::core {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr auto kOpen = pb::Ticket::STATE_OPEN;
constexpr auto kBlocked = pb::Ticket::STATE_BLOCKED;
constexpr auto kDone = pb::Ticket::STATE_DONE;
constexpr auto kUpdated = pb::EVENT_KIND_TICKET_UPDATED;

void DependOn(pb::Ticket& ticket, int64_t number, pb::Dependency::Until until = pb::Dependency::UNTIL_DONE) {
  pb::Dependency& dependency = *ticket.add_dependencies();
  dependency.set_ticket_id(TicketId(number));
  dependency.set_until(until);
}

std::vector<std::string> Describe(const std::vector<pb::Blocker>& blockers) {
  std::vector<std::string> texts;
  for (const pb::Blocker& blocker : blockers) {
    texts.push_back(absl::StrCat(blocker.ticket_id(), " ", pb::Blocker::Kind_Name(blocker.kind()), " ",
                                 pb::Ticket::State_Name(blocker.state()), blocker.stuck() ? " stuck" : ""));
  }
  return texts;
}

// A workspace with something in every table.
void Populate(RecordedState& recorded) {
  recorded.RegisterAgent("alice");
  recorded.RegisterAgent("alice/reviewer", "alice");
  recorded.RegisterAgent("bob");
  recorded.EndAgent("bob", pb::EVENT_KIND_AGENT_EXPIRED);
  for (int i = 0; i < 8; ++i) recorded.CreateTicket([&](pb::Ticket& ticket) { ticket.set_priority(i % 5); });
  recorded.CreateTicket([](pb::Ticket& ticket) {
    ticket.set_state(kBlocked);
    DependOn(ticket, 1);
    ticket.set_parent_ticket_id("T-7");
  });
  recorded.ChangeTicket(7, pb::EVENT_KIND_TICKET_BLOCKED, [](pb::Ticket& ticket) { ticket.set_state(kBlocked); });
  recorded.Claim(2, "alice");
  recorded.Claim(3, "alice/reviewer");
  recorded.Move(3, pb::EVENT_KIND_TICKET_COMPLETED, kDone);
  recorded.ChangeTicket(4, kUpdated, [&](pb::Ticket& ticket) {
    *ticket.mutable_not_before() = ToProto(recorded.now.wall + absl::Minutes(1));
  });
  Draft draft(recorded.state, "alice", recorded.now);
  pb::Event& event = draft.Add(pb::EVENT_KIND_COMMENT_ADDED);
  pb::Comment comment;
  comment.set_ticket_id("T-5");
  comment.set_number(1);
  comment.set_text("is this still so?");
  draft.Put(event, comment);
  pb::Ticket commented = *recorded.state.FindTicket(5);
  commented.set_comment_count(1);
  commented.set_has_body(true);
  draft.Put(event, commented);
  pb::TicketBody body;
  body.set_ticket_id("T-5");
  body.set_text("all about it");
  draft.Put(event, body);
  recorded.Commit(std::move(draft).Finish(), "alice", "request-1");
}

TEST(TicketNumber, ReadsWhatTicketIdWrites) {
  EXPECT_EQ(TicketNumber(TicketId(17)), 17);
  EXPECT_EQ(TicketNumber("T-999999999999999999"), 999999999999999999);
  for (const char* malformed :
       {"", "T", "T-", "T-0", "T-017", "T--1", "T-+1", "t-1", "17", "T-1 ", " T-1", "T-1x", "T-1000000000000000000"}) {
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
  EXPECT_THAT(state.DependentsOf(1), IsEmpty());
  EXPECT_THAT(BrokenInvariants(state, true), IsEmpty());
}

TEST(State, HoldsRecordsInsideTheirEvents) {
  RecordedState recorded;
  Populate(recorded);
  const pb::Event& last = *recorded.log.back().event;
  EXPECT_EQ(recorded.state.FindTicket(5), &last.changes(1).ticket());
  EXPECT_EQ(recorded.state.records().comments.Find(std::pair<int64_t, int32_t>(5, 1))->get(), &last.changes(0).comment());
  EXPECT_EQ(recorded.state.records().bodies.Find(5)->get(), &last.changes(2).ticket_body());
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
  EXPECT_FALSE(records.tickets_by_holder.Contains(std::pair<std::string, int64_t>("alice/reviewer", 3)));
  EXPECT_TRUE(records.tickets_by_parent.Contains(std::pair<int64_t, int64_t>(7, 9)));
  EXPECT_THAT(recorded.state.DependentsOf(1), ElementsAre(9));

  recorded.ChangeTicket(9, kUpdated, [](pb::Ticket& ticket) {
    ticket.clear_parent_ticket_id();
    ticket.clear_dependencies();
    DependOn(ticket, 6);
  });
  EXPECT_FALSE(recorded.state.records().tickets_by_parent.Contains(std::pair<int64_t, int64_t>(7, 9)));
  EXPECT_THAT(recorded.state.DependentsOf(1), IsEmpty());
  EXPECT_THAT(recorded.state.DependentsOf(6), ElementsAre(9));
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
  // A ticket that may be claimed after a minute.
  int64_t CreateDelayed() {
    return recorded_.CreateTicket([&](pb::Ticket& ticket) {
      *ticket.mutable_not_before() = ToProto(recorded_.now.wall + absl::Minutes(1));
    });
  }
  bool IsReadyAfter(int64_t number, absl::Duration wait) {
    recorded_.state.ReleaseDue(recorded_.now.mono + wait);
    return recorded_.state.ready().IsReady(number);
  }

  RecordedState recorded_;
  static constexpr absl::Duration kTick = absl::Nanoseconds(1);
};

TEST_F(Delays, EndWhenNotBeforeComes) {
  const int64_t number = CreateDelayed();
  EXPECT_EQ(recorded_.state.ready().NextDue(), recorded_.now.mono + absl::Minutes(1));
  EXPECT_FALSE(IsReadyAfter(number, absl::Minutes(1) - kTick));
  EXPECT_TRUE(IsReadyAfter(number, absl::Minutes(1)));
}

TEST_F(Delays, AreNotTouchedByTheWallClock) {
  const int64_t number = CreateDelayed();
  recorded_.now.wall += absl::Hours(24);
  // Another change of the ticket does not anchor it anew.
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

TEST_F(Delays, AreAnchoredAfterReplayAndLoad) {
  const int64_t number = CreateDelayed();
  const auto view = recorded_.state.MakeView();
  Advance(recorded_.now, absl::Seconds(20));
  recorded_.now.mono = {7};  // another process
  for (const auto& state : {recorded_.Replay(), recorded_.Reload(*view)}) {
    EXPECT_EQ(state->ready().DueTime(number), base::MonoTime{7} + absl::Seconds(40));
    EXPECT_EQ(state->ready().delayed_count(), 1);
  }
  Advance(recorded_.now, absl::Seconds(40));
  for (const auto& state : {recorded_.Replay(), recorded_.Reload(*view)}) {
    EXPECT_TRUE(state->ready().IsReady(number));
  }
}

TEST_F(Delays, WakeWhoeverWaitsWhenTheyEnd) {
  const int64_t number = CreateDelayed();
  const int64_t other = recorded_.CreateTicket();
  EXPECT_THAT(recorded_.state.TakeNewlyReady(), ElementsAre(other));
  EXPECT_EQ(recorded_.state.ReleaseDue(recorded_.now.mono + absl::Minutes(1)), 1);
  EXPECT_THAT(recorded_.state.TakeNewlyReady(), ElementsAre(number));
  EXPECT_THAT(recorded_.state.TakeNewlyReady(), IsEmpty());
}

// ---- requests ----

void Remember(RecordedState& recorded, const std::string& actor, int from, int to) {
  for (int i = from; i <= to; ++i) {
    pb::Ticket ticket = *recorded.state.FindTicket(1);
    recorded.Put(kUpdated, std::move(ticket), actor, absl::StrCat("request-", i));
  }
}

TEST(Requests, AreRememberedWithTheirCommit) {
  RecordedState recorded;
  Populate(recorded);
  const jpb::RememberedRequest* request = recorded.state.FindRequest("alice", "request-1");
  ASSERT_NE(request, nullptr);
  EXPECT_EQ(request->first_revision(), recorded.state.revision());
  EXPECT_EQ(request->commit_revision(), recorded.state.revision());
  EXPECT_EQ(request->key().fingerprint(), "fingerprint of request-1");
  EXPECT_EQ(recorded.state.FindRequest("bob", "request-1"), nullptr);
  EXPECT_EQ(recorded.state.FindRequest("alice", "request-2"), nullptr);
}

TEST(Requests, LeaveTheWindowOldestFirst) {
  RecordedState recorded;
  recorded.CreateTicket();
  for (const auto& [actor, window] : {std::pair("alice", limits::kRememberedPerAgent),
                                      std::pair("file:tickets.md", limits::kRememberedPerAgent),
                                      std::pair("operator", limits::kRememberedOperator)}) {
    Remember(recorded, actor, 1, window);
    EXPECT_NE(recorded.state.FindRequest(actor, "request-1"), nullptr) << actor;
    Remember(recorded, actor, window + 1, window + 1);
    EXPECT_EQ(recorded.state.FindRequest(actor, "request-1"), nullptr) << actor;
    EXPECT_NE(recorded.state.FindRequest(actor, "request-2"), nullptr) << actor;
  }
  // What left the window may come again.
  Remember(recorded, "alice", 1, 1);
  EXPECT_EQ(recorded.state.FindRequest("alice", "request-1")->commit_revision(), recorded.state.revision());
  EXPECT_THAT(BrokenInvariants(recorded.state, true), IsEmpty());
}

TEST(Requests, GoWithTheirAgent) {
  RecordedState recorded;
  recorded.CreateTicket();
  recorded.RegisterAgent("alice");
  Remember(recorded, "alice", 1, 3);
  Remember(recorded, "alice2", 1, 1);
  recorded.EndAgent("alice");
  EXPECT_NE(recorded.state.FindRequest("alice", "request-1"), nullptr);
  recorded.ForgetAgent("alice");
  EXPECT_EQ(recorded.state.FindRequest("alice", "request-1"), nullptr);
  EXPECT_NE(recorded.state.FindRequest("alice2", "request-1"), nullptr);
  EXPECT_THAT(BrokenInvariants(recorded.state, true), IsEmpty());
}

// ---- digest, replay, snapshots ----

TEST(Digest, IsThatOfAReplayAndOfALoadedSnapshot) {
  RecordedState recorded;
  Populate(recorded);
  const auto view = recorded.state.MakeView();
  const std::string digest = Digest(*view);
  EXPECT_EQ(digest.size(), 64u);
  const auto replayed = recorded.Replay();
  EXPECT_EQ(Digest(*replayed->MakeView()), digest);
  EXPECT_THAT(BrokenInvariants(*replayed, true), IsEmpty());
  const auto loaded = recorded.Reload(*view);
  EXPECT_EQ(Digest(*loaded->MakeView()), digest);
  EXPECT_THAT(BrokenInvariants(*loaded, true), IsEmpty());
  EXPECT_EQ(loaded->last_event_time(), recorded.state.last_event_time());

  // A state that was loaded goes on like the one that was not.
  const auto continue_with = [&](State& state) {
    State::NumberSet dependents = state.DependentsOf(1);
    EXPECT_THAT(dependents, ElementsAre(9));
    state.Evolve(recorded.log.back().event, nullptr, recorded.now);
    return Digest(*state.MakeView());
  };
  recorded.Claim(1, "alice");
  EXPECT_EQ(continue_with(*loaded), recorded.CurrentDigest());
  EXPECT_EQ(continue_with(*replayed), recorded.CurrentDigest());
}

TEST(Digest, DependsOnEveryTable) {
  RecordedState recorded;
  Populate(recorded);
  const View view = *recorded.state.MakeView();
  std::set<std::string> digests = {Digest(view)};
  const auto changed = [&](auto change) {
    View other = view;
    change(other);
    return digests.insert(Digest(other)).second;
  };
  EXPECT_TRUE(changed([](View& v) { ++v.revision; }));
  EXPECT_TRUE(changed([](View& v) { ++v.last_ticket_number; }));
  EXPECT_TRUE(changed([](View& v) { v.records.agents.Erase("bob"); }));
  EXPECT_TRUE(changed([](View& v) { v.records.tickets.Erase(1); }));
  EXPECT_TRUE(changed([](View& v) { v.records.bodies.Erase(5); }));
  EXPECT_TRUE(changed([](View& v) { v.records.comments.Erase(std::pair<int64_t, int32_t>(5, 1)); }));
  EXPECT_TRUE(changed([](View& v) { v.records.requests.Clear(); }));
}

TEST(Snapshot, SaysWhatItHolds) {
  RecordedState recorded;
  Populate(recorded);
  const auto view = recorded.state.MakeView();
  int64_t count = 0;
  ForEachSnapshotRecord(*view, [&](const jpb::SnapshotRecord&) { return ++count > 0; });
  const jpb::SnapshotHeader header = MakeSnapshotHeader(*view);
  EXPECT_EQ(header.record_count(), count);
  EXPECT_EQ(header.revision(), recorded.state.revision());
  EXPECT_EQ(header.last_ticket_number(), 9);
  int64_t seen = 0;
  ForEachSnapshotRecord(*view, [&](const jpb::SnapshotRecord&) { return ++seen < 3; });
  EXPECT_EQ(seen, 3);
}

TEST(View, StaysAsItWasWhileTheWriterGoesOn) {
  RecordedState recorded;
  Populate(recorded);
  const auto view = recorded.state.MakeView();
  const std::string digest = Digest(*view);
  std::string digest_on_reader;
  std::thread reader([&] {
    for (int i = 0; i < 20; ++i) digest_on_reader = Digest(*view);
  });
  for (int i = 0; i < 500; ++i) {
    recorded.CreateTicket();
    if (i % 7 == 0) recorded.state.MakeView();
  }
  reader.join();
  EXPECT_EQ(digest_on_reader, digest);
  EXPECT_NE(recorded.CurrentDigest(), digest);
}

// ---- rolling back ----

TEST(RollBack, UndoesEverythingSinceTheView) {
  RecordedState recorded;
  Populate(recorded);
  const auto view = recorded.state.MakeView();
  const std::string digest = Digest(*view);
  const auto delayed_until = recorded.state.ready().DueTime(4);
  ASSERT_TRUE(delayed_until.has_value());

  const std::string session = recorded.state.FindAgent("alice")->session_uid();
  recorded.Claim(1, "alice");
  recorded.Move(2, pb::EVENT_KIND_TICKET_CANCELLED, pb::Ticket::STATE_CANCELLED);
  recorded.Move(4, pb::EVENT_KIND_TICKET_CANCELLED, pb::Ticket::STATE_CANCELLED);
  recorded.ChangeTicket(9, kUpdated, [](pb::Ticket& ticket) { ticket.clear_dependencies(); });
  recorded.CreateTicket([](pb::Ticket& ticket) { DependOn(ticket, 8); });
  recorded.EndAgent("alice/reviewer");
  recorded.EndAgent("alice");
  recorded.RegisterAgent("alice");
  recorded.ForgetAgent("bob");
  Remember(recorded, "alice", 2, 300);  // request-1 leaves the window
  Remember(recorded, "alice", 1, 1);    // and comes again
  recorded.now.wall += absl::Hours(1);

  recorded.state.RollBack(*view, recorded.now);
  EXPECT_THAT(BrokenInvariants(recorded.state, true), IsEmpty());
  EXPECT_EQ(recorded.state.revision(), view->revision);
  EXPECT_EQ(recorded.state.last_ticket_number(), view->last_ticket_number);
  EXPECT_EQ(recorded.state.last_event_time(), view->last_event_time);
  EXPECT_EQ(recorded.state.FindSession(session)->agent_id(), "alice");
  EXPECT_EQ(recorded.state.ready().DueTime(4), delayed_until);
  EXPECT_EQ(recorded.state.FindRequest("alice", "request-1")->commit_revision(), view->revision);
  EXPECT_EQ(recorded.CurrentDigest(), digest);

  // And it goes on from there.
  EXPECT_EQ(recorded.CreateTicket(), 10);
  EXPECT_THAT(BrokenInvariants(recorded.state, true), IsEmpty());
}

TEST(RollBack, GoesToTheLastViewOnly) {
  RecordedState recorded;
  Populate(recorded);
  recorded.state.MakeView();
  recorded.Claim(1, "alice");
  const auto view = recorded.state.MakeView();
  recorded.Move(1, pb::EVENT_KIND_TICKET_COMPLETED, kDone);
  recorded.state.RollBack(*view, recorded.now);
  EXPECT_EQ(recorded.state.FindTicket(1)->state(), pb::Ticket::STATE_CLAIMED);
  // Twice changes nothing.
  recorded.state.RollBack(*view, recorded.now);
  EXPECT_EQ(recorded.CurrentDigest(), Digest(*view));
  EXPECT_THAT(BrokenInvariants(recorded.state, true), IsEmpty());
}

// ---- blockers ----

TEST(Blockers, AreUnmetDependenciesThenUnfinishedChildren) {
  RecordedState recorded;
  const std::map<int64_t, pb::Ticket::State> dependencies = {
      {1, kOpen},          {2, kDone},
      {3, kBlocked},       {4, pb::Ticket::STATE_CLAIMED},
      {5, pb::Ticket::STATE_FAILED},    {6, pb::Ticket::STATE_CANCELLED},
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
  EXPECT_THAT(Describe(BlockersOf(records, ticket)),
              ElementsAre("T-1 KIND_DEPENDENCY STATE_OPEN", "T-3 KIND_DEPENDENCY STATE_BLOCKED",
                          "T-4 KIND_DEPENDENCY STATE_CLAIMED", "T-5 KIND_DEPENDENCY STATE_FAILED stuck",
                          "T-6 KIND_DEPENDENCY STATE_CANCELLED stuck", "T-7 KIND_DEPENDENCY STATE_BURIED stuck",
                          "T-10 KIND_CHILD STATE_OPEN", "T-12 KIND_CHILD STATE_BLOCKED",
                          "T-13 KIND_CHILD STATE_CLAIMED", "T-16 KIND_CHILD STATE_BURIED stuck"));
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
  recorded.ChangeTicket(done, pb::EVENT_KIND_TICKET_INTEGRATED,
                        [](pb::Ticket& ticket) { ticket.mutable_integration()->set_target("main"); });
  EXPECT_THAT(BlockersOf(recorded.state.records(), *recorded.state.FindTicket(waiting)), IsEmpty());
}

TEST(Blockers, AreShownOfBlockedTicketsOnly) {
  RecordedState recorded;
  const int64_t dependency = recorded.CreateTicket();
  const int64_t ticket = recorded.CreateTicket([&](pb::Ticket& t) {
    t.set_state(pb::Ticket::STATE_CANCELLED);
    DependOn(t, dependency);
  });
  EXPECT_THAT(BlockersOf(recorded.state.records(), *recorded.state.FindTicket(ticket)), IsEmpty());
  EXPECT_EQ(UnmetEdgesOf(recorded.state.records(), *recorded.state.FindTicket(ticket)).size(), 1u);
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
  event->set_kind(pb::EVENT_KIND_BRANCH_MOVED);
  event->add_changes()->mutable_branch()->set_branch("main");
  EXPECT_DEATH(state.Evolve(event, nullptr, TestStart()), "EVENT_KIND_BRANCH_MOVED changes a record");
  auto record = std::make_shared<jpb::SnapshotRecord>();
  record->mutable_record()->mutable_branch()->set_branch("main");
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
