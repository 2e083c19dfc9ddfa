// Rounds: who is in them, what blocks them, and that this follows from the records alone.

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "hub/core/limits.h"
#include "hub/core/records.h"
#include "tests/core/decide_round_fixture.h"

namespace coordhub::core {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Rounds : public testing::Test {
 protected:
  // Two agents on branches of their own; everything compared, nothing conflicts.
  void SetUp() override {
    w.Move("main", "0");
    ada = w.RegisterOn("ada", "task-a");
    ben = w.RegisterOn("ben", "task-b");
    w.Move("task-a", "a");
    w.Move("task-b", "b");
    w.CompareAll();
  }
  void BothReady() {
    w.Must(ada, RoundWorkspace::Ready());
    w.Must(ben, RoundWorkspace::Ready());
  }
  static std::vector<std::string> BranchesOf(const pb::Round& round) {
    std::vector<std::string> branches;
    for (const auto& member : round.members()) branches.push_back(member.branch());
    return branches;
  }

  RoundWorkspace w;
  Caller ada = Operator();
  Caller ben = Operator();
};

TEST_F(Rounds, EveryoneWithABranchIsInARoundThatNamesNobody) {
  w.RegisterOn("cleo", "");
  w.RegisterOn("dan", "unobserved");
  const Decision opened = w.Must(Operator(), RoundWorkspace::Opening());
  EXPECT_EQ(opened.events[0]->kind(), pb::EVENT_KIND_ROUND_OPENED);
  EXPECT_THAT(BranchesOf(w.round()), ElementsAre("task-a", "task-b"));
  EXPECT_EQ(w.round().members(0).agent_id(), "ada");
  EXPECT_EQ(w.round().target_commit(), RoundWorkspace::Commit("0"));
  EXPECT_EQ(w.round().creator(), "operator");
  EXPECT_EQ(w.RoundStateOf(), "OPEN");
  EXPECT_EQ(w.Blockers(), "NOT_READY task-a, NOT_READY task-b");
  EXPECT_EQ(w.round().blockers(0).agent_id(), "ada");
  EXPECT_EQ(w.round().blockers(0).since_time().seconds(), absl::ToUnixSeconds(w.now.wall));
}

TEST_F(Rounds, TheLastDeclarationMakesItReadyInTheSameCommit) {
  w.Open(RoundWorkspace::Opening());
  w.Must(ada, RoundWorkspace::Ready());
  EXPECT_EQ(w.Blockers(), "NOT_READY task-b");
  const Decision last = w.Must(ben, RoundWorkspace::Ready());
  EXPECT_EQ(EventsOf(last), "ROUND_CHANGED, ROUND_READY");
  EXPECT_EQ(w.RoundStateOf(), "READY");
  EXPECT_EQ(w.round().members(1).state(), pb::RoundMember::STATE_READY);
  EXPECT_EQ(w.round().members(1).ready_commit(), RoundWorkspace::Commit("b"));
}

TEST_F(Rounds, ReadinessGoesStaleWhenTheBranchMoves) {
  w.Open(RoundWorkspace::Opening());
  BothReady();
  ASSERT_EQ(w.RoundStateOf(), "READY");
  EXPECT_THAT(EventsOf(w.Move("task-a", "c")), HasSubstr("ROUND_REOPENED"));
  EXPECT_EQ(w.Blockers(), "BRANCH_MOVED task-a, MERGE_UNKNOWN task-a");
  EXPECT_EQ(w.round().members(0).state(), pb::RoundMember::STATE_WORKING);
  w.CompareAll();
  EXPECT_EQ(w.Blockers(), "BRANCH_MOVED task-a");
  w.Must(ada, RoundWorkspace::Ready());
  EXPECT_EQ(w.RoundStateOf(), "READY");
  // Back where it was declared: the word still stands.
  w.Move("task-a", "d");
  w.Move("task-a", "c");
  w.CompareAll();
  EXPECT_EQ(w.RoundStateOf(), "READY");
}

TEST_F(Rounds, ACommitThatIsNotObservedYetCountsOnceItIs) {
  w.Open(RoundWorkspace::Opening());
  w.Must(ben, RoundWorkspace::Ready());
  w.Must(ada, RoundWorkspace::Ready("c"));
  EXPECT_EQ(w.Blockers(), "BRANCH_MOVED task-a");
  w.Move("task-a", "c");
  w.CompareAll();
  EXPECT_EQ(w.RoundStateOf(), "READY");
}

TEST_F(Rounds, WhatWasNotComparedIsNeverTakenToMerge) {
  w.Move("task-a", "c");
  w.Open(RoundWorkspace::Opening());
  BothReady();
  EXPECT_EQ(w.Blockers(), "MERGE_UNKNOWN task-a");
  // A verdict of where the branch was a moment ago says nothing.
  ObserveConflicts late;
  late.compared.push_back({"task-a", RoundWorkspace::Commit("a")});
  w.Must(RoundWorkspace::Coordinator(), late);
  EXPECT_EQ(w.Blockers(), "MERGE_UNKNOWN task-a");
  w.Move("main", "1");
  w.CompareAll();
  EXPECT_EQ(w.RoundStateOf(), "READY");
  w.Move("main", "2");
  EXPECT_EQ(w.Blockers(), "MERGE_UNKNOWN main") << "the target moved";
}

TEST_F(Rounds, AConflictBlocksUntilItIsCleared) {
  w.Open(RoundWorkspace::Opening());
  BothReady();
  EXPECT_THAT(EventsOf(w.Clash("task-a", "task-b", "lib/parser.cc")), HasSubstr("ROUND_REOPENED"));
  EXPECT_EQ(w.Blockers(), "CONFLICT task-b task-a");
  const pb::RoundBlocker& blocker = w.round().blockers(0);
  EXPECT_EQ(blocker.agent_id(), "ben") << "whose branch comes later follows";
  EXPECT_THAT(blocker.paths(), ElementsAre("lib/parser.cc"));
  w.Clash("main", "task-a", "README.md");
  EXPECT_EQ(w.Blockers(), "CONFLICT task-a main, CONFLICT task-b task-a");
  w.Agree("main", "task-a");
  EXPECT_THAT(EventsOf(w.Agree("task-a", "task-b")), HasSubstr("ROUND_READY"));
}

TEST_F(Rounds, AConflictWithSomebodyElseBlocksNothing) {
  w.Move("task-c", "c");
  w.Open(RoundWorkspace::Opening({"task-a", "task-b"}));
  BothReady();
  w.CompareAll();
  w.Clash("task-a", "task-c", "README.md");
  EXPECT_EQ(w.RoundStateOf(), "READY");
}

TEST_F(Rounds, ConflictsMayBeLeftOutByPolicy) {
  w.Clash("task-a", "task-b", "README.md");
  auto opening = RoundWorkspace::Opening();
  opening.mutable_policy()->set_leave_out_conflicting(true);
  w.Open(opening);
  BothReady();
  EXPECT_EQ(w.RoundStateOf(), "READY");
}

TEST_F(Rounds, AConflictGoesWithItsBranch) {
  w.Clash("task-a", "task-b", "README.md");
  w.Open(RoundWorkspace::Opening());
  EXPECT_THAT(EventsOf(w.Lose("task-b")), HasSubstr("CONFLICTS_CHANGED"));
  EXPECT_TRUE(w.state.records().of<tables::Conflicts>().empty());
  EXPECT_EQ(w.Blockers(), "NOT_READY task-a, BRANCH_GONE task-b");
}

TEST_F(Rounds, ABlockerKeepsItsTime) {
  w.Open(RoundWorkspace::Opening());
  const auto since = w.round().blockers(1).since_time();
  w.Advance(absl::Minutes(5));
  w.Must(ada, RoundWorkspace::Ready());
  ASSERT_EQ(w.Blockers(), "NOT_READY task-b");
  EXPECT_EQ(w.round().blockers(0).since_time().seconds(), since.seconds());
}

TEST_F(Rounds, ALostMemberBlocksUntilItIsBackOrDropped) {
  auto opening = RoundWorkspace::Opening();
  *opening.mutable_policy()->mutable_drop_lost_members_after() = ToProto(absl::Minutes(10));
  w.Open(opening);
  BothReady();
  w.Expire("ben");
  EXPECT_EQ(w.Blockers(), "MEMBER_GONE task-b");
  ben = w.RegisterOn("ben", "task-b");
  EXPECT_EQ(w.RoundStateOf(), "READY") << "it is back, and its branch where it was";
  w.Expire("ben");
  w.Advance(absl::Minutes(9));
  EXPECT_TRUE(w.Must(RoundWorkspace::Coordinator(), DropLostMembers{}).events.empty());
  w.Advance(absl::Minutes(2));
  w.Must(RoundWorkspace::Coordinator(), DropLostMembers{});
  EXPECT_EQ(w.round().members(1).state(), pb::RoundMember::STATE_DROPPED);
  EXPECT_EQ(w.RoundStateOf(), "READY");
}

TEST_F(Rounds, ARoundWithoutMembersFails) {
  auto opening = RoundWorkspace::Opening({"task-a"});
  *opening.mutable_policy()->mutable_drop_lost_members_after() = ToProto(absl::ZeroDuration());
  w.Open(opening);
  w.Expire("ada");
  w.Must(RoundWorkspace::Coordinator(), DropLostMembers{});
  EXPECT_EQ(w.RoundStateOf(), "FAILED");
}

TEST_F(Rounds, WhoLeavesWhenReadyHasSaidAllThatThereIsToSay) {
  w.Open(RoundWorkspace::Opening());
  BothReady();
  w.Must(ben, pb::DeregisterAgentRequest());
  EXPECT_EQ(w.RoundStateOf(), "READY");
  w.Move("task-b", "c");
  w.CompareAll();
  EXPECT_EQ(w.Blockers(), "BRANCH_MOVED task-b, MEMBER_GONE task-b");
}

TEST_F(Rounds, ABranchThatNobodyOwnsIsReadyWhereItIs) {
  w.Move("task-c", "c");
  w.CompareAll();
  w.Open(RoundWorkspace::Opening({"task-c"}));
  EXPECT_EQ(w.RoundStateOf(), "READY");
  w.Move("task-c", "d");
  w.CompareAll();
  EXPECT_EQ(w.Blockers(), "BRANCH_MOVED task-c");
  EXPECT_EQ(ReasonNameOf(w.Do(Operator(), RoundWorkspace::Ready()).status()), "INVALID_FIELD");
  w.Must(Operator(), RoundWorkspace::Ready("", "task-c"));
  EXPECT_EQ(w.RoundStateOf(), "READY");
}

TEST_F(Rounds, TicketsAreWaitedForWhereThePolicyOrTheSelectorSaysSo) {
  const std::string held = w.Create();
  w.Claim(held, ada);
  auto labelled = RoundWorkspace::Creation();
  labelled.mutable_spec()->add_labels("release");
  const std::string selected = w.Create(labelled);
  const std::string named = w.Create();
  auto opening = RoundWorkspace::Opening();
  opening.mutable_policy()->set_require_tickets_done(true);
  opening.mutable_tickets()->add_labels("release");
  opening.mutable_tickets()->add_ticket_ids(named);
  w.Open(opening);
  EXPECT_THAT(w.round().tickets().ticket_ids(), ElementsAre(selected, named));
  BothReady();
  EXPECT_EQ(w.Blockers(), "TICKET_OPEN task-a T-1, TICKET_OPEN T-2, TICKET_OPEN T-3");
  w.Create(labelled);
  EXPECT_EQ(w.round().blocker_count(), 3) << "sealed";
  w.Complete(held, ada);
  w.Cancel(selected);
  w.Claim(named, ben);
  EXPECT_EQ(w.Blockers(), "TICKET_OPEN task-b T-3, TICKET_OPEN T-3");
  EXPECT_THAT(EventsOf(w.Must(ben, DecidingWorkspace::Fenced<pb::CompleteTicketRequest>(
                                       named, w.ticket(named).claim().fence()))),
              HasSubstr("ROUND_READY"));
}

TEST_F(Rounds, UncommittedWorkBlocksWhereThePolicySaysSo) {
  auto opening = RoundWorkspace::Opening();
  opening.mutable_policy()->set_require_clean_worktrees(true);
  w.Open(opening);
  BothReady();
  pb::Branch dirty = *w.state.records().FindBranch("task-a");
  dirty.set_uncommitted(true);
  ObserveBranches seen;
  seen.seen.push_back(dirty);
  w.Must(RoundWorkspace::Coordinator(), seen);
  EXPECT_EQ(w.Blockers(), "WORKTREE_DIRTY task-a");
  seen.seen[0].set_uncommitted(false);
  w.Must(RoundWorkspace::Coordinator(), seen);
  EXPECT_EQ(w.RoundStateOf(), "READY");
}

TEST_F(Rounds, OnlyAMemberDeclaresAndOnlyForItself) {
  w.Open(RoundWorkspace::Opening({"task-a"}));
  EXPECT_EQ(ReasonNameOf(w.Do(ben, RoundWorkspace::Ready()).status()), "NOT_ROUND_MEMBER");
  EXPECT_EQ(ReasonNameOf(w.Do(ben, RoundWorkspace::Ready("", "task-a")).status()),
            "OPERATOR_REQUIRED");
  const Caller nobody = w.RegisterOn("cleo", "");
  EXPECT_EQ(ReasonNameOf(w.Do(nobody, RoundWorkspace::Ready()).status()), "INVALID_FIELD");
  w.Must(Operator(), RoundWorkspace::Ready("", "task-a"));
  EXPECT_EQ(w.RoundStateOf(), "READY");
  w.Must(ada, pb::WithdrawReadyRequest());
  EXPECT_EQ(w.Blockers(), "NOT_READY task-a");
}

TEST_F(Rounds, MembersAreCheckedByName) {
  const auto refusal = [&](const pb::OpenRoundRequest& request) {
    return ReasonNameOf(w.Do(Operator(), request).status());
  };
  EXPECT_EQ(refusal(RoundWorkspace::Opening({"main"})), "INVALID_FIELD");
  EXPECT_EQ(refusal(RoundWorkspace::Opening({"task-x"})), "BRANCH_NOT_FOUND");
  auto by_name = RoundWorkspace::Opening();
  by_name.add_member_agent_ids("nobody");
  EXPECT_EQ(refusal(by_name), "AGENT_NOT_FOUND");
  by_name.set_member_agent_ids(0, "ada");
  by_name.mutable_policy()->set_gate("tests");
  EXPECT_EQ(refusal(by_name), "GATE_NOT_FOUND");
  EXPECT_EQ(w.state.records().of<tables::Rounds>().size(), 0u);
}

TEST_F(Rounds, ABranchIsInOneActiveRound) {
  w.Move("release", "9");
  w.Open(RoundWorkspace::Opening({"task-a"}));
  EXPECT_EQ(ReasonNameOf(w.Do(Operator(), RoundWorkspace::Opening({"task-a"}, "release")).status()),
            "ROUND_STATE");
  EXPECT_EQ(w.Open(RoundWorkspace::Opening({}, "release")), "C-2");
  EXPECT_THAT(BranchesOf(w.round("C-2")), ElementsAre("task-b")) << "the rest";
  EXPECT_EQ(ReasonNameOf(w.Do(Operator(), RoundWorkspace::Opening()).status()), "INVALID_FIELD")
      << "nobody is left";
  // Each knows its own without naming it; the operator has to say which.
  w.Must(ben, RoundWorkspace::Ready());
  EXPECT_EQ(w.Blockers("C-1"), "NOT_READY task-a");
  EXPECT_EQ(ReasonNameOf(w.Do(Operator(), pb::CancelRoundRequest()).status()), "ROUND_NOT_FOUND");
}

TEST_F(Rounds, WhoOpenedItOrTheOperatorCancelsARound) {
  w.Open(RoundWorkspace::Opening(), ada);
  EXPECT_EQ(ReasonNameOf(w.Do(ben, pb::CancelRoundRequest()).status()), "OPERATOR_REQUIRED");
  pb::CancelRoundRequest request;
  request.set_reason("next week");
  EXPECT_EQ(EventsOf(w.Must(ada, request)), "ROUND_CANCELLED");
  EXPECT_EQ(w.round().reason(), "next week");
  EXPECT_EQ(w.round().blocker_count(), 0);
  EXPECT_EQ(ReasonNameOf(w.Do(ada, request).status()), "ROUND_NOT_FOUND");
  request.set_round_id("C-1");
  EXPECT_EQ(ReasonNameOf(w.Do(ada, request).status()), "ROUND_STATE");
  EXPECT_EQ(w.Open(RoundWorkspace::Opening()), "C-2") << "members are free again";
}

TEST_F(Rounds, AnOldRoundIsForgottenAndItsNumberIsNot) {
  w.check_invariants = false;
  for (size_t i = 0; i <= limits::kEndedRounds; ++i) {
    w.Open(RoundWorkspace::Opening());
    w.Must(Operator(), pb::CancelRoundRequest());
  }
  EXPECT_EQ(w.state.records().of<tables::Rounds>().size(), limits::kEndedRounds);
  EXPECT_EQ(w.state.records().of<tables::Rounds>().Begin().key(), 2);
  EXPECT_EQ(w.Open(RoundWorkspace::Opening()), RoundId(limits::kEndedRounds + 2));
}

TEST_F(Rounds, ATargetThatIsNotThereBlocks) {
  w.Open(RoundWorkspace::Opening({}, "release"));
  BothReady();
  EXPECT_EQ(w.Blockers(), "BRANCH_GONE release");
  w.Move("release", "9");
  EXPECT_EQ(w.Blockers(), "MERGE_UNKNOWN release");
  EXPECT_EQ(w.round().target_commit(), RoundWorkspace::Commit("9"));
  w.CompareAll();
  EXPECT_EQ(w.RoundStateOf(), "READY");
}

}  // namespace
}  // namespace coordhub::core
