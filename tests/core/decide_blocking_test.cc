// What waits for what: dependencies, children, cycles, and who is told in which commit.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "hub/core/decide/cycles.h"
#include "hub/core/limits.h"
#include "tests/core/decide_fixture.h"

namespace coordhub::core {
namespace {

struct Blocking : testing::Test {
  DecidingWorkspace w;
  Caller ann = w.Register("ann");

  // Changes what a ticket waits for.
  absl::StatusOr<Decision> SetDependencies(const std::string& id,
                                           const std::vector<std::string>& dependencies) {
    pb::UpdateTicketRequest request;
    request.set_ticket_id(id);
    request.mutable_update_mask()->add_paths("dependencies");
    for (const std::string& dependency : dependencies) {
      request.mutable_spec()->add_dependencies()->set_ticket_id(dependency);
    }
    return w.Do(Operator(), request);
  }
  absl::StatusOr<Decision> SetParent(const std::string& id, const std::string& parent) {
    pb::UpdateTicketRequest request;
    request.set_ticket_id(id);
    request.mutable_update_mask()->add_paths("parent_ticket_id");
    request.mutable_spec()->set_parent_ticket_id(parent);
    return w.Do(Operator(), request);
  }
  Decision CompleteClaimed(const std::string& id) {
    return w.Must(ann, w.Fenced<pb::CompleteTicketRequest>(id, w.ticket(id).claim().fence()));
  }
  std::string Unblocking(const std::string& id) {
    w.Claim(id, ann);
    return EventsOf(CompleteClaimed(id));
  }
};

// ---- dependencies ----

TEST_F(Blocking, NoTicketIsClaimedBeforeItsDependenciesAreMet) {
  w.Create();
  w.Create({"T-1"});
  EXPECT_EQ(w.StateOf("T-2"), "BLOCKED");
  EXPECT_EQ(EventsOf(w.Must(ann, pb::ClaimNextTicketRequest())), "TICKET_CLAIMED T-1");

  const absl::Status refused = w.Do(ann, w.Claiming("T-2")).status();
  EXPECT_EQ(ReasonNameOf(refused), "TICKET_BLOCKED");
  EXPECT_EQ(base::MetadataOf(refused, "blocked_by"), "T-1");
  EXPECT_EQ(EventsOf(w.Must(ann, pb::ClaimNextTicketRequest())), "");

  EXPECT_EQ(EventsOf(CompleteClaimed("T-1")), "TICKET_COMPLETED T-1, TICKET_UNBLOCKED T-2");
  EXPECT_EQ(EventsOf(w.Must(ann, pb::ClaimNextTicketRequest())), "TICKET_CLAIMED T-2");
}

TEST_F(Blocking, OnlyTheLastDependencyUnblocks) {
  w.Create();
  w.Create();
  w.Create({"T-1", "T-2"});
  EXPECT_EQ(Unblocking("T-2"), "TICKET_COMPLETED T-2");
  EXPECT_EQ(w.StateOf("T-3"), "BLOCKED");
  EXPECT_EQ(Unblocking("T-1"), "TICKET_COMPLETED T-1, TICKET_UNBLOCKED T-3");
}

TEST_F(Blocking, OneCommitUnblocksAllThatWaitedInOrderOfTheirNumbers) {
  w.Create();
  for (int i = 0; i < 3; ++i) w.Create({"T-1"});
  EXPECT_EQ(Unblocking("T-1"),
            "TICKET_COMPLETED T-1, TICKET_UNBLOCKED T-2, TICKET_UNBLOCKED T-3, "
            "TICKET_UNBLOCKED T-4");
}

TEST_F(Blocking, ADependencyThatIsDoneAlreadyBlocksNothing) {
  w.Create();
  w.ClaimAndComplete("T-1", ann);
  w.Create({"T-1"});
  EXPECT_EQ(w.StateOf("T-2"), "OPEN");
}

struct StuckCase {
  std::string name;
  std::function<void(DecidingWorkspace&, const Caller&)> end;
};

class Stuck : public testing::TestWithParam<StuckCase> {};

TEST_P(Stuck, NeverMeetsADependencyUntilReopenedAndDone) {
  DecidingWorkspace w;
  const Caller ann = w.Register("ann");
  w.Create();
  w.Create({"T-1"});
  GetParam().end(w, ann);
  EXPECT_EQ(w.StateOf("T-2"), "BLOCKED");
  const auto blockers = BlockersOf(w.state.records(), w.ticket("T-2"));
  ASSERT_EQ(blockers.size(), 1u);
  EXPECT_TRUE(blockers[0].stuck());

  w.Reopen("T-1");
  EXPECT_EQ(w.StateOf("T-2"), "BLOCKED");
  w.ClaimAndComplete("T-1", ann);
  EXPECT_EQ(w.StateOf("T-2"), "OPEN");
}

INSTANTIATE_TEST_SUITE_P(
    ATicketThatIs, Stuck,
    testing::ValuesIn<StuckCase>({
        {"Failed",
         [](DecidingWorkspace& w, const Caller& ann) {
           w.Claim("T-1", ann);
           w.Fail("T-1", ann, /*final=*/true);
         }},
        {"Cancelled", [](DecidingWorkspace& w, const Caller&) { w.Cancel("T-1"); }},
        {"Buried", [](DecidingWorkspace& w, const Caller& ann) { w.Bury("T-1", ann); }},
    }),
    CaseName());

TEST_F(Blocking, ReopeningADoneDependencyBlocksWhatIsOpenAndLeavesClaimsAlone) {
  w.Create();
  w.Create({"T-1"});
  w.Create({"T-1"});
  w.ClaimAndComplete("T-1", ann);
  const int64_t fence = w.Claim("T-3", ann);
  pb::ReopenTicketRequest reopen;
  reopen.set_ticket_id("T-1");
  EXPECT_EQ(EventsOf(w.Must(Operator(), reopen)), "TICKET_REOPENED T-1, TICKET_BLOCKED T-2");
  EXPECT_EQ(w.StateOf("T-3"), "CLAIMED");

  w.Must(ann, w.Fenced<pb::ReleaseTicketRequest>("T-3", fence));
  EXPECT_EQ(w.StateOf("T-3"), "BLOCKED");
}

TEST_F(Blocking, AClaimedTicketMayBeCompletedThoughItGotANewDependency) {
  w.Create();
  w.Create();
  w.Claim("T-1", ann);
  ASSERT_TRUE(SetDependencies("T-1", {"T-2"}).ok());
  EXPECT_EQ(w.StateOf("T-1"), "CLAIMED");
  w.Complete("T-1", ann);
  EXPECT_EQ(w.StateOf("T-1"), "DONE");
}

TEST_F(Blocking, ALostClaimGoesBackToBlockedWithItsBackOff) {
  w.Create();
  w.Create();
  w.Claim("T-1", ann);
  w.Fail("T-1", ann);
  w.Advance(absl::Seconds(1));
  w.Claim("T-1", ann);
  ASSERT_TRUE(SetDependencies("T-1", {"T-2"}).ok());
  w.Expire("ann");
  EXPECT_EQ(w.StateOf("T-1"), "BLOCKED");
  const Caller ben = w.Register("ben");
  w.ClaimAndComplete("T-2", ben);
  EXPECT_EQ(w.StateOf("T-1"), "OPEN");
  EXPECT_EQ(w.state.ready().delayed_count(), 1);
  w.Advance(absl::Seconds(1));
  EXPECT_TRUE(w.Do(ben, w.Claiming("T-1")).ok());
}

TEST_F(Blocking, AnUpdateSaysItselfWhetherTheTicketWaits) {
  w.Create();
  w.Create();
  EXPECT_EQ(EventsOf(*SetDependencies("T-2", {"T-1"})), "TICKET_UPDATED T-2");
  EXPECT_EQ(w.StateOf("T-2"), "BLOCKED");
  EXPECT_EQ(EventsOf(*SetDependencies("T-2", {})), "TICKET_UPDATED T-2");
  EXPECT_EQ(w.StateOf("T-2"), "OPEN");
}

TEST_F(Blocking, UntilIntegratedIsNotMetByDone) {
  w.Create();
  pb::CreateTicketRequest creation = w.Creation({"T-1"});
  creation.mutable_spec()->mutable_dependencies(0)->set_until(pb::Dependency::UNTIL_INTEGRATED);
  w.Create(creation);
  w.ClaimAndComplete("T-1", ann);
  EXPECT_EQ(w.StateOf("T-2"), "BLOCKED");
}

TEST_F(Blocking, AnUnspecifiedUntilIsRecordedAsDone) {
  w.Create();
  w.Create({"T-1"});
  EXPECT_EQ(w.ticket("T-2").dependencies(0).until(), pb::Dependency::UNTIL_DONE);
}

// ---- children ----

TEST_F(Blocking, AParentWaitsForItsChildren) {
  w.Create();
  EXPECT_EQ(EventsOf(w.Must(Operator(), w.Creation({}, "T-1"))),
            "TICKET_CREATED T-2, TICKET_BLOCKED T-1");
  EXPECT_EQ(EventsOf(w.Must(Operator(), w.Creation({}, "T-1"))), "TICKET_CREATED T-3");
  EXPECT_EQ(ReasonNameOf(w.Do(ann, w.Claiming("T-1")).status()), "TICKET_BLOCKED");
  EXPECT_EQ(Unblocking("T-2"), "TICKET_COMPLETED T-2");
  EXPECT_EQ(Unblocking("T-3"), "TICKET_COMPLETED T-3, TICKET_UNBLOCKED T-1");
}

TEST_F(Blocking, AChildIsFinishedByFailureAndCancellationButNotByBurial) {
  w.Create();
  for (int i = 0; i < 3; ++i) w.Create({}, "T-1");
  w.Claim("T-2", ann);
  w.Fail("T-2", ann, /*final=*/true);
  w.Bury("T-3", ann);
  w.Cancel("T-4");
  EXPECT_EQ(w.StateOf("T-1"), "BLOCKED");
  w.Cancel("T-3");
  EXPECT_EQ(w.StateOf("T-1"), "OPEN");
}

TEST_F(Blocking, ReopeningAChildBlocksItsParentAgain) {
  w.Create();
  w.Create({}, "T-1");
  w.Cancel("T-2");
  ASSERT_EQ(w.StateOf("T-1"), "OPEN");
  w.Reopen("T-2");
  EXPECT_EQ(w.StateOf("T-1"), "BLOCKED");
}

TEST_F(Blocking, AChildOfAClaimedParentDoesNotRevokeTheClaim) {
  w.Create();
  w.Claim("T-1", ann);
  EXPECT_EQ(EventsOf(w.Must(Operator(), w.Creation({}, "T-1"))), "TICKET_CREATED T-2");
  EXPECT_EQ(w.StateOf("T-1"), "CLAIMED");
  w.Release("T-1", ann);
  EXPECT_EQ(w.StateOf("T-1"), "BLOCKED");
}

TEST_F(Blocking, AFinishedParentStaysFinishedAndIsReopenedBlocked) {
  w.Create();
  w.ClaimAndComplete("T-1", ann);
  w.Create({}, "T-1");
  EXPECT_EQ(w.StateOf("T-1"), "DONE");
  w.Reopen("T-1");
  EXPECT_EQ(w.StateOf("T-1"), "BLOCKED");
}

TEST_F(Blocking, MovingAChildMovesBothParents) {
  w.Create();
  w.Create();
  w.Create({}, "T-1");
  EXPECT_EQ(EventsOf(*SetParent("T-3", "T-2")),
            "TICKET_UPDATED T-3, TICKET_UNBLOCKED T-1, TICKET_BLOCKED T-2");
  EXPECT_EQ(EventsOf(*SetParent("T-3", "")), "TICKET_UPDATED T-3, TICKET_UNBLOCKED T-2");
}

TEST_F(Blocking, AFinishedChildMovesNobody) {
  w.Create();
  w.Create({}, "T-1");
  w.Cancel("T-2");
  const absl::Status status = SetParent("T-2", "").status();
  EXPECT_EQ(ReasonNameOf(status), "TICKET_STATE");
}

TEST_F(Blocking, TheDoneChildOfAnEpicUnblocksItsDependentAndTheEpic) {
  w.Create();           // T-1, the epic
  w.Create({}, "T-1");  // T-2
  w.Create({"T-2"});    // T-3
  EXPECT_EQ(Unblocking("T-2"), "TICKET_COMPLETED T-2, TICKET_UNBLOCKED T-1, TICKET_UNBLOCKED T-3");
}

TEST_F(Blocking, AParentOfAParentWaitsForTheParentItself) {
  w.Create();
  w.Create({}, "T-1");
  w.Create({}, "T-2");
  EXPECT_EQ(Unblocking("T-3"), "TICKET_COMPLETED T-3, TICKET_UNBLOCKED T-2");
  EXPECT_EQ(w.StateOf("T-1"), "BLOCKED");
  EXPECT_EQ(Unblocking("T-2"), "TICKET_COMPLETED T-2, TICKET_UNBLOCKED T-1");
}

// ---- cycles ----

TEST_F(Blocking, ATicketCannotDependOnItself) {
  w.Create();
  const absl::Status status = SetDependencies("T-1", {"T-1"}).status();
  EXPECT_EQ(ReasonNameOf(status), "DEPENDENCY_CYCLE");
  EXPECT_EQ(base::MetadataOf(status, "cycle"), "T-1 -> T-1");
}

TEST_F(Blocking, ACycleIsRefusedAndNamed) {
  w.Create();
  w.Create({"T-1"});
  w.Create({"T-2"});
  const int64_t revision = w.state.revision();
  const absl::Status status = SetDependencies("T-1", {"T-3"}).status();
  EXPECT_EQ(base::MetadataOf(status, "cycle"), "T-1 -> T-3 -> T-2 -> T-1");
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(w.state.revision(), revision);
}

TEST_F(Blocking, ADependencyThatIsDoneClosesACycleAllTheSame) {
  w.Create();
  w.ClaimAndComplete("T-1", ann);
  w.Create({"T-1"});
  w.Reopen("T-1");
  EXPECT_EQ(ReasonNameOf(SetDependencies("T-1", {"T-2"}).status()), "DEPENDENCY_CYCLE");
}

TEST_F(Blocking, ACycleMayLeadThroughParents) {
  w.Create();  // T-1 waits for its child T-2
  w.Create({}, "T-1");
  const absl::Status own = SetDependencies("T-2", {"T-1"}).status();
  EXPECT_EQ(base::MetadataOf(own, "cycle"), "T-2 -> T-1 -> T-2");
  const absl::Status parents = SetParent("T-1", "T-2").status();
  EXPECT_EQ(base::MetadataOf(parents, "cycle"), "T-1 -> T-2 -> T-1");
}

TEST_F(Blocking, ANewTicketThatWouldCloseACycleHasNoNumberYet) {
  w.Create();
  w.Create({"T-1"});
  const absl::Status status = w.Do(Operator(), w.Creation({"T-2"}, "T-1")).status();
  EXPECT_EQ(base::MetadataOf(status, "cycle"),
            "(the new ticket) -> T-2 -> T-1 -> (the new ticket)");
  EXPECT_EQ(w.state.last_ticket_number(), 2);
}

TEST_F(Blocking, ADiamondIsNoCycle) {
  w.Create();
  w.Create({"T-1"});
  w.Create({"T-1"});
  w.Create({"T-2", "T-3"});
  EXPECT_EQ(w.StateOf("T-4"), "BLOCKED");
}

TEST_F(Blocking, ALongCycleIsNamedByItsEnds) {
  w.check_invariants = false;
  w.Create();
  for (int i = 2; i <= 5000; ++i) w.Create({absl::StrCat("T-", i - 1)});
  const absl::Status status = SetDependencies("T-1", {"T-5000"}).status();
  EXPECT_EQ(base::MetadataOf(status, "cycle"),
            "T-1 -> T-5000 -> T-4999 -> T-4998 -> T-4997 -> T-4996 -> T-4995 -> T-4994 -> ... -> "
            "T-8 -> T-7 -> T-6 -> T-5 -> T-4 -> T-3 -> T-2 -> T-1");
}

TEST_F(Blocking, ParentsStackUpToTheLimit) {
  w.Create();
  for (int i = 1; i <= limits::kParentDepth; ++i) w.Create({}, absl::StrCat("T-", i));
  const std::string deepest = TicketId(w.state.last_ticket_number());
  const absl::Status status = w.Do(Operator(), w.Creation({}, deepest)).status();
  EXPECT_EQ(ReasonNameOf(status), "LIMIT_REACHED");
  EXPECT_EQ(base::MetadataOf(status, "limit_name"), "parent_depth");
  EXPECT_EQ(base::MetadataOf(status, "limit"), absl::StrCat(limits::kParentDepth));

  // Moving a whole stack below another ticket counts, too.
  const std::string above = w.Create();
  EXPECT_EQ(ReasonNameOf(SetParent("T-1", above).status()), "LIMIT_REACHED");
  EXPECT_TRUE(SetParent("T-2", above).ok());
}

// ---- batches ----

pb::NewTicket Member(const std::string& local_id, const std::vector<std::string>& dependencies = {},
                     const std::string& parent = "") {
  pb::NewTicket member;
  member.set_local_id(local_id);
  member.mutable_spec()->set_title("part");
  member.mutable_spec()->set_parent_ticket_id(parent);
  for (const std::string& id : dependencies) {
    member.mutable_spec()->add_dependencies()->set_ticket_id(id);
  }
  return member;
}

pb::BatchCreateTicketsRequest BatchOf(const std::vector<pb::NewTicket>& members) {
  pb::BatchCreateTicketsRequest request;
  for (const pb::NewTicket& member : members) *request.add_tickets() = member;
  return request;
}

TEST_F(Blocking, ABatchRefersForwardsAndBackwards) {
  const Decision decision = w.Must(Operator(), BatchOf({Member("late", {"@early"}), Member("early"),
                                                        Member("", {"@late", "@early"})}));
  EXPECT_EQ(EventsOf(decision), "TICKET_CREATED T-1, TICKET_CREATED T-2, TICKET_CREATED T-3");
  EXPECT_EQ(w.StateOf("T-1"), "BLOCKED");
  EXPECT_EQ(w.StateOf("T-2"), "OPEN");
  EXPECT_EQ(w.ticket("T-1").dependencies(0).ticket_id(), "T-2");
  EXPECT_EQ(Unblocking("T-2"), "TICKET_COMPLETED T-2, TICKET_UNBLOCKED T-1");
  EXPECT_EQ(Unblocking("T-1"), "TICKET_COMPLETED T-1, TICKET_UNBLOCKED T-3");
}

TEST_F(Blocking, ABatchMayHoldAnEpicWithItsChildren) {
  w.Create();
  const Decision decision =
      w.Must(Operator(),
             BatchOf({Member("epic", {}, "T-1"), Member("", {}, "@epic"), Member("", {}, "T-1")}));
  EXPECT_EQ(EventsOf(decision),
            "TICKET_CREATED T-2, TICKET_CREATED T-3, TICKET_CREATED T-4, TICKET_BLOCKED T-1");
  EXPECT_EQ(w.StateOf("T-2"), "BLOCKED");
  EXPECT_EQ(w.ticket("T-3").parent_ticket_id(), "T-2");
}

struct BatchRefusal {
  std::string name;
  std::vector<pb::NewTicket> members;
  std::string reason;
  std::string metadata_key;
  std::string metadata;
};

class Batch : public testing::TestWithParam<BatchRefusal> {};

TEST_P(Batch, IsRefusedWhole) {
  DecidingWorkspace w;
  w.Create();
  const int64_t revision = w.state.revision();
  const absl::Status status = w.Do(Operator(), BatchOf(GetParam().members)).status();
  EXPECT_EQ(ReasonNameOf(status), GetParam().reason) << status;
  EXPECT_EQ(base::MetadataOf(status, GetParam().metadata_key), GetParam().metadata);
  EXPECT_EQ(w.state.revision(), revision);
  EXPECT_EQ(w.state.last_ticket_number(), 1);
}

INSTANTIATE_TEST_SUITE_P(
    With, Batch,
    testing::ValuesIn<BatchRefusal>({
        {"AMemberThatWaitsForItself",
         {Member("a", {"@a"})},
         "DEPENDENCY_CYCLE",
         "cycle",
         "@a -> @a"},
        {"AMemberThatIsItsOwnParent",
         {Member("a", {}, "@a")},
         "DEPENDENCY_CYCLE",
         "cycle",
         "@a -> @a"},
        {"MembersThatWaitForEachOther",
         {Member("a", {"@b"}), Member("b", {"@a"})},
         "DEPENDENCY_CYCLE",
         "cycle",
         "@a -> @b -> @a"},
        {"AChildThatWaitsForItsParent",
         {Member("a"), Member("", {"@a"}, "@a")},
         "DEPENDENCY_CYCLE",
         "cycle",
         "@a -> tickets[1] -> @a"},
        {"AChildThatWaitsForItsParentOutside",
         {Member("", {"T-1"}, "T-1")},
         "DEPENDENCY_CYCLE",
         "cycle",
         "tickets[0] -> T-1 -> tickets[0]"},
        {"AnUnknownDependencyAtTheEnd",
         {Member(""), Member("", {"T-9"})},
         "TICKET_NOT_FOUND",
         "ticket_id",
         "T-9"},
        {"ANumberThatItWouldGetItself",
         {Member(""), Member("", {"T-2"})},
         "TICKET_NOT_FOUND",
         "ticket_id",
         "T-2"},
        {"AnUnknownParent", {Member("", {}, "T-9")}, "TICKET_NOT_FOUND", "ticket_id", "T-9"},
    }),
    CaseName());

TEST_F(Blocking, ABatchStacksParentsUpToTheLimit) {
  std::vector<pb::NewTicket> members = {Member("0")};
  for (int i = 1; i <= limits::kParentDepth; ++i) {
    members.push_back(Member(absl::StrCat(i), {}, absl::StrCat("@", i - 1)));
  }
  EXPECT_TRUE(w.Do(Operator(), BatchOf(members)).ok());
  members.push_back(Member("", {}, absl::StrCat("@", limits::kParentDepth)));
  EXPECT_EQ(ReasonNameOf(w.Do(Operator(), BatchOf(members)).status()), "LIMIT_REACHED");
}

}  // namespace
}  // namespace coordhub::core
