// No command holds the writer for long: what bounds its work, counted in tickets, edges and events.

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "hub/core/derive.h"
#include "hub/core/draft.h"
#include "hub/core/limits.h"
#include "tests/core/decide_fixture.h"

namespace coordhub::core {
namespace {

struct Bounds : testing::Test {
  DecidingWorkspace w;
  Caller ann = w.Register("ann");

  Bounds() { w.check_invariants = false; }

  static pb::NewTicket Member(const std::vector<std::string>& dependencies = {},
                              const std::string& local_id = "") {
    pb::NewTicket member;
    member.set_local_id(local_id);
    member.mutable_spec()->set_title("part");
    for (const std::string& id : dependencies) {
      member.mutable_spec()->add_dependencies()->set_ticket_id(id);
    }
    return member;
  }
  static pb::BatchCreateTicketsRequest BatchOf(int64_t count, const pb::NewTicket& member) {
    pb::BatchCreateTicketsRequest request;
    for (int64_t i = 0; i < count; ++i) *request.add_tickets() = member;
    return request;
  }
  void CreateMany(int64_t count, const pb::NewTicket& member) {
    for (; count > 0; count -= limits::kBatchTickets) {
      w.Must(Operator(), BatchOf(std::min<int64_t>(count, limits::kBatchTickets), member));
    }
  }
  // Tickets that each wait for the one before. Returns the first one's number.
  int64_t CreateChain(int64_t count) {
    const int64_t first = w.state.last_ticket_number() + 1;
    for (int64_t made = 0; made < count;) {
      pb::BatchCreateTicketsRequest batch;
      for (; made < count && batch.tickets_size() < limits::kBatchTickets; ++made) {
        std::vector<std::string> dependencies;
        if (made > 0) {
          dependencies.push_back(batch.tickets_size() == 0 ? TicketId(first + made - 1)
                                                           : absl::StrCat("@", made - 1));
        }
        *batch.add_tickets() = Member(dependencies, absl::StrCat(made));
      }
      w.Must(Operator(), batch);
    }
    return first;
  }
  absl::Status SetDependency(int64_t number, int64_t dependency) {
    pb::UpdateTicketRequest request;
    request.set_ticket_id(TicketId(number));
    request.mutable_update_mask()->add_paths("dependencies");
    request.mutable_spec()->add_dependencies()->set_ticket_id(TicketId(dependency));
    return w.Do(Operator(), request).status();
  }
  static std::string LimitOf(const absl::Status& status) {
    return status.ok() ? "none" : base::MetadataOf(status, "limit_name");
  }
};

// ---- dependents ----

TEST_F(Bounds, OnlyUnfinishedDependentsCount) {
  w.Create();
  CreateMany(limits::kDependents, Member({"T-1"}));
  EXPECT_EQ(LimitOf(w.Do(Operator(), w.Creation({"T-1"})).status()), "dependents_per_ticket");
  // One that is among them already may say so again.
  EXPECT_TRUE(SetDependency(2, 1).ok());

  w.Cancel("T-2");
  EXPECT_TRUE(w.Do(Operator(), w.Creation({"T-1"})).ok());
  // Its place is taken.
  pb::ReopenTicketRequest reopen;
  reopen.set_ticket_id("T-2");
  EXPECT_EQ(LimitOf(w.Do(Operator(), reopen).status()), "dependents_per_ticket");
  w.Cancel("T-3");
  EXPECT_TRUE(w.Do(Operator(), reopen).ok());
}

TEST_F(Bounds, TheMembersOfABatchCountAmongTheDependents) {
  w.Create();
  CreateMany(limits::kDependents - 1, Member({"T-1"}));
  EXPECT_EQ(LimitOf(w.Do(Operator(), BatchOf(2, Member({"T-1"}))).status()),
            "dependents_per_ticket");
  EXPECT_TRUE(w.Do(Operator(), BatchOf(1, Member({"T-1"}))).ok());
}

TEST_F(Bounds, FinishedDependentsAreNotLookedAtAgain) {
  w.Create();
  CreateMany(3, Member({"T-1"}));
  for (const char* id : {"T-2", "T-3"}) w.Cancel(id);
  EXPECT_EQ(w.state.DependentsOf(1).unfinished, State::NumberSet{4});
  EXPECT_EQ(w.state.DependentsOf(1).finished, (State::NumberSet{2, 3}));
  w.ClaimAndComplete("T-1", ann);
  EXPECT_EQ(w.StateOf("T-4"), "OPEN");
  w.Reopen("T-2");
  EXPECT_EQ(w.state.DependentsOf(1).unfinished, (State::NumberSet{2, 4}));
  EXPECT_EQ(BrokenInvariants(w.state, true), std::vector<std::string>());
}

// ---- derived facts ----

TEST_F(Bounds, WhatIsDerivedComesOnceAfterAllThatWasDecided) {
  w.check_invariants = true;
  w.Create();
  w.Create();
  w.Create({"T-1", "T-2"});
  w.Create({}, "T-3");
  Draft draft(w.state, "test", w.now);
  for (const int64_t number : {1, 2, 4}) {
    pb::Ticket done = *draft.FindTicket(number);
    done.set_state(pb::Ticket::STATE_DONE);
    draft.Put(draft.Add(pb::EVENT_KIND_TICKET_COMPLETED), std::move(done));
  }
  Derive(draft);
  Decision decision;
  decision.events = std::move(draft).Finish();
  EXPECT_EQ(EventsOf(decision),
            "TICKET_COMPLETED T-1, TICKET_COMPLETED T-2, TICKET_COMPLETED T-4, "
            "TICKET_UNBLOCKED T-3");
}

TEST_F(Bounds, WhatIsTakenBackInTheSameDecisionDerivesNothing) {
  w.Create();
  w.Create({"T-1"});
  Draft draft(w.state, "test", w.now);
  for (const pb::Ticket::State state : {pb::Ticket::STATE_DONE, pb::Ticket::STATE_OPEN}) {
    pb::Ticket changed = *draft.FindTicket(1);
    changed.set_state(state);
    draft.Put(draft.Add(pb::EVENT_KIND_TICKET_UPDATED), std::move(changed));
  }
  Derive(draft);
  EXPECT_EQ(std::move(draft).Finish().size(), 2u);
}

// ---- cycles: what is refused beyond limits::kCycleSteps shows how far was searched ----

TEST_F(Bounds, ANewTicketIsNotSearchedForHoweverMuchItWaitsFor) {
  const int64_t chain = CreateChain(limits::kCycleSteps);
  EXPECT_TRUE(w.Do(Operator(), w.Creation({TicketId(chain + limits::kCycleSteps - 1)})).ok());
}

TEST_F(Bounds, ASearchEndsWhereEitherSideEnds) {
  const int64_t chain = CreateChain(limits::kCycleSteps);
  const int64_t last = chain + limits::kCycleSteps - 1;
  const std::string alone = w.Create();
  // Much waits for the ticket, and it for nothing; and the other way round.
  EXPECT_TRUE(SetDependency(chain, TicketNumber(alone)).ok());
  w.Create();
  EXPECT_TRUE(SetDependency(TicketNumber(alone) + 1, last).ok());
  // The parent waits for its new child; nothing does for the parent.
  EXPECT_TRUE(w.Do(Operator(), w.Creation({TicketId(last)}, w.Create())).ok());
}

TEST_F(Bounds, WhereBothSidesAreLongTheLinkIsRefused) {
  const int64_t one = CreateChain(limits::kCycleSteps);
  const int64_t other = CreateChain(limits::kCycleSteps);
  const absl::Status status = SetDependency(one, other + limits::kCycleSteps - 1);
  EXPECT_EQ(ReasonNameOf(status), "LIMIT_REACHED");
  EXPECT_EQ(LimitOf(status), "cycle_steps");
  EXPECT_TRUE(SetDependency(one, other).ok());
}

TEST_F(Bounds, ABatchLinksItsMembersAsMuchAsItMay) {
  constexpr int kEach = limits::kBatchEntries / limits::kBatchTickets;
  pb::BatchCreateTicketsRequest batch;
  for (int i = 0; i < limits::kBatchTickets; ++i) {
    std::vector<std::string> before;
    for (int n = std::max(0, i - kEach); n < i; ++n) before.push_back(absl::StrCat("@", n));
    *batch.add_tickets() = Member(before, absl::StrCat(i));
  }
  EXPECT_TRUE(w.Do(Operator(), batch).ok());
  // The same in a circle.
  batch.mutable_tickets(0)->mutable_spec()->add_dependencies()->set_ticket_id("@499");
  EXPECT_EQ(ReasonNameOf(w.Do(Operator(), batch).status()), "DEPENDENCY_CYCLE");
}

TEST_F(Bounds, ATreeIsMovedUpToTheLimit) {
  w.Create();
  pb::NewTicket child = Member();
  child.mutable_spec()->set_parent_ticket_id("T-1");
  CreateMany(limits::kTreeMoved - 1, child);
  pb::UpdateTicketRequest request;
  request.set_ticket_id("T-1");
  request.mutable_update_mask()->add_paths("parent_ticket_id");
  request.mutable_spec()->set_parent_ticket_id(w.Create());
  EXPECT_TRUE(w.Do(Operator(), request).ok());
  CreateMany(1, child);
  EXPECT_EQ(LimitOf(w.Do(Operator(), request).status()), "tree_moved");
}

// ---- several labels ----

TEST_F(Bounds, LabelsThatNeverMeetAreFoundByTheirSets) {
  for (const char* label : {"even", "odd"}) {
    pb::NewTicket member = Member();
    member.mutable_spec()->add_labels(label);
    member.mutable_spec()->add_labels("every");
    CreateMany(limits::kBatchTickets, member);
  }
  const LabelSets::Work before = w.state.ready().label_work();
  pb::ClaimNextTicketRequest next;
  next.add_labels("even");
  next.add_labels("odd");
  EXPECT_EQ(EventsOf(w.Must(ann, next)), "");
  EXPECT_LE(w.state.ready().label_work().passed - before.passed, 2);

  next.set_labels(1, "every");
  EXPECT_EQ(EventsOf(w.Must(ann, next)), "TICKET_CLAIMED T-1");
}

// ---- batches ----

TEST_F(Bounds, ABatchHasLabelsDependenciesAndPathsUpToTheLimit) {
  pb::NewTicket member = Member();
  constexpr int kEach = limits::kBatchEntries / limits::kBatchTickets;
  for (int i = 0; i < kEach; ++i) member.mutable_spec()->add_paths(absl::StrCat("path/", i));
  pb::BatchCreateTicketsRequest batch = BatchOf(limits::kBatchTickets, member);
  EXPECT_TRUE(w.Do(Operator(), batch).ok());
  batch.mutable_tickets(0)->mutable_spec()->add_labels("one");
  EXPECT_EQ(LimitOf(w.Do(Operator(), batch).status()), "batch_entries");
}

// ---- what ends in one commit ----

TEST_F(Bounds, AFamilyHoldsTicketsUpToTheLimit) {
  CreateMany(limits::kClaimsPerFamily + 1, Member());
  const Caller sub = w.Register("ann/sub", ann);
  const Caller subsub = w.Register("ann/sub/sub", sub);
  const Caller other = w.Register("ann/other", ann);
  const Caller more = w.Register("ann/more", ann);
  const pb::ClaimNextTicketRequest next;
  for (const Caller& caller : {ann, sub, subsub, other}) {
    for (int i = 0; i < limits::kClaimsPerFamily / 4; ++i) w.Must(caller, next);
  }
  EXPECT_EQ(LimitOf(w.Do(more, next).status()), "claims_per_family");
  // Who does not end with them holds on.
  EXPECT_TRUE(w.Do(w.Register("ben"), next).ok());
  const Decision decision = w.Must(ann, pb::DeregisterAgentRequest());
  EXPECT_EQ(decision.events.size(), static_cast<size_t>(limits::kClaimsPerFamily + 5));
}

TEST_F(Bounds, AFamilyHasSubAgentsUpToTheLimit) {
  const Caller sub = w.Register("ann/sub", ann);
  for (int i = 1; i < limits::kSubAgentsPerFamily; ++i) {
    w.Register(absl::StrCat(i % 2 == 0 ? "ann/" : "ann/sub/", i), i % 2 == 0 ? ann : sub);
  }
  EXPECT_EQ(LimitOf(w.Do(sub, w.Registration("ann/sub/more")).status()), "sub_agents_per_family");
  // One that is there already is taken over all the same, and an agent of its own is nobody's.
  EXPECT_TRUE(w.Do(ann, w.Registration("ann/sub", /*takeover=*/true)).ok());
  EXPECT_TRUE(w.Do(Operator(), w.Registration("ben")).ok());
}

TEST_F(Bounds, ARestoreEndsSessionsInBoundedCommands) {
  constexpr int kAgents = 3 * limits::kEndedPerCommand / limits::kClaimsPerAgent;
  for (int i = 0; i < kAgents; ++i) {
    const Caller caller = w.Register(absl::StrCat("agent-", i));
    CreateMany(limits::kClaimsPerAgent, Member());
    for (int n = 0; n < limits::kClaimsPerAgent; ++n) w.Must(caller, pb::ClaimNextTicketRequest());
  }
  const Caller below = w.Register("ann/sub", ann);
  int commands = 0;
  for (; w.state.live_agent_count() > 0; ++commands) {
    const Decision decision = w.Must(Hub(), EndAllSessions{"restored"});
    int ended = 0;
    for (const auto& event : decision.events) ended += event->changes_size();
    EXPECT_GT(ended, 0);
    EXPECT_LE(ended, limits::kEndedPerCommand);
    EXPECT_EQ(BrokenInvariants(w.state, true), std::vector<std::string>());
  }
  EXPECT_GE(commands, 3);
  EXPECT_EQ(w.state.records().ticket_counts[pb::Ticket::STATE_CLAIMED], 0);
}

}  // namespace
}  // namespace coordhub::core
