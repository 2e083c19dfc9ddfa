// Integrating rounds on real repositories: what reaches the target, what is proven of it, and that
// a kill at any point leaves the target before or after.

#include <csignal>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "hub/core/round_id.h"
#include "hub/operations/integrate_kind.h"
#include "hub/operations/plan_round.h"
#include "hub/operations/recorded_end.h"
#include "tests/git/scratch_repository.h"
#include "tests/operations/operations_fixture.h"
#include "tests/support/child.h"

namespace coordhub::operations {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class IntegrationTest : public OperationsFixture {
 protected:
  // main with one commit; nothing has main checked out.
  void SetUp() override {
    OperationsFixture::SetUp();
    repository_.InitWithCommit();
    repository_.Git("checkout -q --detach");
  }

  // A branch from main that writes a file.
  void Branch(const std::string& name, const std::string& file, const std::string& text) {
    repository_.Git("checkout -q -b " + name + " main");
    repository_.Write(file, text);
    repository_.CommitAll("work on " + name);
    repository_.Git("checkout -q --detach main");
  }
  std::string Commit(const std::string& revision) const {
    return repository_.Git("rev-parse " + revision + "^{commit}");
  }

  void Start(std::function<void(std::string_view)> at_point = nullptr) {
    OpenSqlite();
    IntegrateKind::Options options;
    options.workspace = workspace_.get();
    options.common_dir = repository_.common_dir();
    options.main_worktree = repository_.top();
    options.at_point = std::move(at_point);
    options.run_gate = run_gate_;
    std::vector<std::unique_ptr<OperationKind>> kinds;
    kinds.push_back(std::make_unique<IntegrateKind>(options));
    StartOperations(std::move(kinds));
  }

  engine::Outcome Must(core::CommandBody body, core::Caller caller = core::Caller::Operator()) {
    const auto outcome = Do(std::make_unique<core::Command>(
        core::Command{.caller = std::move(caller), .body = std::move(body)}));
    EXPECT_TRUE(outcome.ok()) << outcome.status();
    return outcome.ok() ? *outcome : engine::Outcome();
  }
  // As the coordinator does it; what conflicts is left to the integration.
  void Observe(const std::vector<std::string>& branches) {
    core::ObserveBranches seen;
    core::ObserveConflicts found;
    for (const std::string& name : branches) {
      v1::Branch& branch = seen.seen.emplace_back();
      branch.set_branch(name);
      branch.set_commit(Commit(name));
      found.compared.push_back({name, branch.commit()});
    }
    Must(std::move(seen), core::Caller::Hub("coordinator"));
    Must(std::move(found), core::Caller::Hub("coordinator"));
  }
  v1::OpenRoundRequest Opening(const std::vector<std::string>& branches) {
    std::vector<std::string> all = branches;
    all.push_back("main");
    Observe(all);
    v1::OpenRoundRequest request;
    request.set_target("main");
    for (const std::string& branch : branches) request.add_member_branches(branch);
    return request;
  }
  // Opens a round that is ready at once, begins to integrate it, and says by which operation.
  std::string Integrate(v1::OpenRoundRequest opening) {
    Must(std::move(opening));
    v1::IntegrateRoundRequest request;
    const engine::Outcome begun = Must(request);
    if (begun.events.empty()) return "";
    for (const auto& event : begun.events) {
      for (const auto& change : event->changes()) {
        if (!change.has_operation()) continue;
        operations_->TakeUp(change.operation(), [](const absl::StatusOr<Ended>&) {});
        return change.operation().operation_id();
      }
    }
    return "";
  }
  v1::Operation IntegrateAndWait(v1::OpenRoundRequest opening) {
    return AwaitEnd(Integrate(std::move(opening)));
  }
  v1::Round Round(int number = 1) const {
    const engine::ViewPtr view = workspace_->view();
    const auto* round = view->records.Find<core::tables::Rounds>(number);
    return round == nullptr ? v1::Round() : *round;
  }
  std::vector<std::string> MemberStates(int number = 1) const {
    std::vector<std::string> states;
    const v1::Round round = Round(number);
    for (const auto& member : round.members()) {
      states.push_back(member.branch() + " " +
                       v1::RoundMember::State_Name(member.state()).substr(sizeof("STATE_") - 1));
    }
    return states;
  }
  void ExpectSound() const {
    EXPECT_EQ(repository_.Git("fsck --strict --no-dangling --no-progress"), "");
  }

  git::ScratchRepository repository_;
  std::function<absl::StatusOr<GateVerdict>(OperationContext&, const v1::Gate&, const std::string&,
                                            int)>
      run_gate_;
};

TEST_F(IntegrationTest, EveryMemberIsMergedAndTheTreeIsThatOfAMergeByHand) {
  Branch("task-a", "a", "a\n");
  Branch("task-b", "b", "b\n");
  Start();
  const v1::Operation ended = IntegrateAndWait(Opening({"task-a", "task-b"}));
  EXPECT_EQ(ended.state(), v1::Operation::STATE_DONE) << ended.error();
  EXPECT_EQ(Round().state(), v1::Round::STATE_CONVERGED) << Round().reason();
  EXPECT_THAT(MemberStates(), ElementsAre("task-a INTEGRATED", "task-b INTEGRATED"));
  EXPECT_EQ(Round().converged_commit(), Commit("main"));
  repository_.Git("checkout -q -b by-hand main~2");
  repository_.Git("merge -q --no-ff task-a");
  repository_.Git("merge -q --no-ff task-b");
  EXPECT_EQ(repository_.Git("rev-parse main^{tree}"), repository_.Git("rev-parse by-hand^{tree}"));
  EXPECT_THAT(repository_.Git("log -1 --format=%B main"),
              HasSubstr("Merge branch 'task-b' into main\n\nCoordhub-Round: C-1"));
  EXPECT_EQ(repository_.Git("log -1 --format=%cn main"), "t");
  ExpectSound();
}

TEST_F(IntegrationTest, WhatDoesNotMergeIsLeftOutAndTheRestConverges) {
  Branch("task-a", "file", "mine\n");
  Branch("task-b", "file", "yours\n");
  Branch("task-c", "c", "c\n");
  Start();
  auto opening = Opening({"task-a", "task-b", "task-c"});
  opening.mutable_policy()->set_leave_out_conflicting(true);
  IntegrateAndWait(opening);
  EXPECT_EQ(Round().state(), v1::Round::STATE_FAILED);
  EXPECT_EQ(Round().reason(), "1 of 3 members were left out");
  EXPECT_THAT(MemberStates(),
              ElementsAre("task-a INTEGRATED", "task-b LEFT_OUT", "task-c INTEGRATED"));
  EXPECT_THAT(Round().members(1).reason(), HasSubstr("does not merge with task-a"));
  EXPECT_EQ(repository_.Git("show main:file"), "mine");
  // Its owner merges, and the next round brings it along.
  repository_.Git("checkout -q task-b");
  repository_.Run("git merge -q main; git checkout -q --ours file; git add file; git commit -qm m");
  repository_.Git("checkout -q --detach");
  IntegrateAndWait(Opening({"task-b"}));
  EXPECT_EQ(Round(2).state(), v1::Round::STATE_CONVERGED) << Round(2).reason();
  EXPECT_EQ(repository_.Git("show main:file"), "yours");
}

TEST_F(IntegrationTest, SquashingMakesOneCommitOfTheAuthorForEach) {
  Branch("task-a", "a", "1\n");
  repository_.Git("checkout -q task-a");
  repository_.Write("a", "2\n");
  repository_.Git("add -A");
  repository_.Git("commit -q --author \"Ada <ada@example.org>\" -m \"Say two\"");
  repository_.Git("checkout -q --detach main");
  Start();
  auto opening = Opening({"task-a"});
  opening.mutable_policy()->set_method(v1::RoundPolicy::METHOD_SQUASH);
  opening.mutable_policy()->set_committer("The Hub <hub@example.org>");
  IntegrateAndWait(opening);
  EXPECT_EQ(Round().state(), v1::Round::STATE_CONVERGED) << Round().reason();
  EXPECT_EQ(repository_.Git("log -1 --format=%s,%an,%cn,%ce main"),
            "Say two,Ada,The Hub,hub@example.org");
  EXPECT_EQ(repository_.Git("rev-list --count main"), "2");
}

TEST_F(IntegrationTest, AFastForwardMakesNoCommit) {
  Branch("task-a", "a", "1\n");
  Branch("task-b", "b", "1\n");
  Start();
  auto opening = Opening({"task-a", "task-b"});
  opening.mutable_policy()->set_method(v1::RoundPolicy::METHOD_FAST_FORWARD);
  IntegrateAndWait(opening);
  EXPECT_EQ(Commit("main"), Commit("task-a"));
  EXPECT_THAT(MemberStates(), ElementsAre("task-a INTEGRATED", "task-b LEFT_OUT"));
}

TEST_F(IntegrationTest, ATicketIsIntegratedOnlyWhenItsWorkIsOnTheTarget) {
  Branch("task-a", "file", "mine\n");
  Branch("task-b", "file", "yours\n");
  Start();
  v1::RegisterAgentRequest registration;
  registration.set_agent_id("ada");
  registration.set_branch("task-a");
  const auto registered = Must(core::RegisterAgent{registration, "uid-ada"});
  const core::Caller ada = core::Caller::Session("uid-ada");
  for (const std::string& commit : {Commit("task-a"), Commit("task-b"), std::string()}) {
    v1::CreateTicketRequest create;
    create.mutable_spec()->set_title("work");
    Must(create);
    const auto claimed = Must(v1::ClaimNextTicketRequest(), ada);
    v1::CompleteTicketRequest complete;
    complete.set_ticket_id(claimed.events[0]->changes(0).ticket().ticket_id());
    complete.set_fence(claimed.events[0]->revision());
    complete.set_commit(commit);
    Must(complete, ada);
  }
  auto opening = Opening({"task-a", "task-b"});
  opening.mutable_policy()->set_leave_out_conflicting(true);
  Must(opening);
  Must(v1::DeclareReadyRequest(), ada);
  const auto begun = Must(v1::IntegrateRoundRequest());
  operations_->TakeUp(begun.events[0]->changes(0).operation(), [](const absl::StatusOr<Ended>&) {});
  AwaitEnd("O-1");
  const engine::ViewPtr view = workspace_->view();
  EXPECT_EQ(view->records.FindTicket(1)->integration().commit(), Commit("task-a"));
  EXPECT_FALSE(view->records.FindTicket(2)->has_integration()) << "left out";
  EXPECT_EQ(view->records.FindTicket(3)->integration().target(), "main") << "of ada's branch";
}

TEST_F(IntegrationTest, ATargetThatIsCheckedOutIsLeftAloneUnlessThePolicySaysElse) {
  Branch("task-a", "a", "a\n");
  repository_.Git("checkout -q main");
  const std::string before = Commit("main");
  Start();
  const v1::Operation refused = IntegrateAndWait(Opening({"task-a"}));
  EXPECT_EQ(refused.state(), v1::Operation::STATE_FAILED);
  EXPECT_THAT(refused.error(), HasSubstr("is checked out in"));
  EXPECT_EQ(Commit("main"), before);
  EXPECT_EQ(Round().state(), v1::Round::STATE_READY) << "it is given back";
  EXPECT_THAT(Round().reason(), HasSubstr("is checked out in"));
  Must(v1::CancelRoundRequest());

  repository_.Write("untracked", "mine\n");
  auto opening = Opening({"task-a"});
  opening.mutable_policy()->set_update_checkout(true);
  repository_.Write("file", "uncommitted\n");
  EXPECT_EQ(IntegrateAndWait(opening).state(), v1::Operation::STATE_FAILED);
  EXPECT_EQ(Commit("main"), before);
  EXPECT_EQ(repository_.Run("cat file"), "uncommitted");
  Must(v1::CancelRoundRequest());

  repository_.Git("checkout -q -- file");
  EXPECT_EQ(IntegrateAndWait(opening).state(), v1::Operation::STATE_DONE);
  EXPECT_EQ(repository_.Run("cat a"), "a");
  EXPECT_EQ(repository_.Run("cat untracked"), "mine");
  EXPECT_EQ(repository_.Git("status --porcelain"), "?? untracked");
}

TEST_F(IntegrationTest, AnUntrackedFileInTheWayIsNeverOverwritten) {
  Branch("task-a", "new", "theirs\n");
  repository_.Git("checkout -q main");
  repository_.Write("new", "mine\n");
  const std::string before = Commit("main");
  Start();
  auto opening = Opening({"task-a"});
  opening.mutable_policy()->set_update_checkout(true);
  EXPECT_EQ(IntegrateAndWait(opening).state(), v1::Operation::STATE_FAILED);
  EXPECT_EQ(Commit("main"), before);
  EXPECT_EQ(repository_.Run("cat new"), "mine");
  EXPECT_EQ(repository_.Git("status --porcelain"), "?? new");
}

TEST_F(IntegrationTest, AnIgnoredFileInTheWayIsNeverOverwritten) {
  repository_.Git("checkout -q main");
  repository_.Write(".gitignore", "*.ig\n");
  repository_.Write("dir/tracked", "t\n");
  repository_.CommitAll("ignores");
  // Where a file goes, where a file's directory goes, and below a directory that becomes a file.
  struct Case {
    const char* mine;
    const char* theirs;
  };
  int number = 0;
  for (const Case& c : {Case{"a.ig", "a.ig"}, Case{"b.ig", "b.ig/x"}, Case{"c.ig/sub/k", "c.ig"},
                        Case{"dir/i.ig", "dir"}}) {
    SCOPED_TRACE(absl::StrCat(c.mine, " ", c.theirs));
    const std::string name = absl::StrCat("task-", ++number);
    repository_.Git("checkout -q -b " + name + " main");
    if (c.theirs == std::string("dir")) repository_.Git("rm -rq dir");
    repository_.Write(c.theirs, "theirs\n");
    repository_.Git("add -f " + std::string(c.theirs));
    repository_.Git("commit -q -m theirs");
    repository_.Git("checkout -q main");
    repository_.Write(c.mine, "mine\n");
  }
  const std::string before = Commit("main");
  Start();
  for (int i = 1; i <= number; ++i) {
    auto opening = Opening({absl::StrCat("task-", i)});
    opening.mutable_policy()->set_update_checkout(true);
    const v1::Operation operation = IntegrateAndWait(opening);
    EXPECT_EQ(operation.state(), v1::Operation::STATE_FAILED) << i;
    EXPECT_THAT(operation.error(), ::testing::HasSubstr("would be overwritten")) << i;
    EXPECT_EQ(Commit("main"), before);
    EXPECT_EQ(repository_.Git("status --porcelain"), "");
    v1::CancelRoundRequest cancel;
    cancel.set_round_id(absl::StrCat("C-", i));
    Must(cancel);
  }
  for (const char* path : {"a.ig", "b.ig", "c.ig/sub/k", "dir/i.ig"}) {
    EXPECT_EQ(repository_.Run(absl::StrCat("cat ", path)), "mine");
  }
}

TEST_F(IntegrationTest, APushInBetweenIsNeverOverwritten) {
  Branch("task-a", "a", "a\n");
  Branch("pushed", "p", "p\n");
  bool pushed = false;
  Start([&](std::string_view point) {
    if (point != "before_ref" || std::exchange(pushed, true)) return;
    repository_.Git("push -q . pushed:main");
  });
  EXPECT_EQ(IntegrateAndWait(Opening({"task-a"})).state(), v1::Operation::STATE_DONE);
  EXPECT_TRUE(pushed);
  EXPECT_EQ(repository_.Git("merge-base --is-ancestor pushed main; echo -n $?"), "0");
  EXPECT_EQ(repository_.Git("show main:a main:p"), "a\np");
}

TEST_F(IntegrationTest, AFailingGateIsBisectedToTheBranchThatBreaksIt) {
  for (const std::string name : {"a", "b", "c", "d", "e"}) Branch("task-" + name, name, name);
  int runs = 0;
  run_gate_ = [&](OperationContext&, const v1::Gate&, const std::string& commit, int) {
    ++runs;
    const bool broken =
        repository_.Git("ls-tree --name-only " + commit).find("\nd") != std::string::npos;
    return GateVerdict{.passed = !broken, .note = "d is there"};
  };
  Start();
  v1::SetGateRequest gate;
  gate.set_gate_id("tests");
  gate.add_command("unused");
  Must(gate);
  auto opening = Opening({"task-a", "task-b", "task-c", "task-d", "task-e"});
  opening.mutable_policy()->set_gate("tests");
  IntegrateAndWait(opening);
  EXPECT_THAT(MemberStates(),
              ElementsAre("task-a INTEGRATED", "task-b INTEGRATED", "task-c INTEGRATED",
                          "task-d LEFT_OUT", "task-e INTEGRATED"));
  EXPECT_THAT(Round().members(3).reason(), HasSubstr("gate tests fails with it: d is there"));
  EXPECT_LE(runs, 7) << "by halves, and once for what is left";
}

TEST_F(IntegrationTest, ATargetThatIsRedByItselfIsNobodysFault) {
  Branch("task-a", "a", "a");
  run_gate_ = [](OperationContext&, const v1::Gate&, const std::string&, int) {
    return GateVerdict{.passed = false, .note = "always"};
  };
  Start();
  v1::SetGateRequest gate;
  gate.set_gate_id("tests");
  gate.add_command("unused");
  Must(gate);
  auto opening = Opening({"task-a"});
  opening.mutable_policy()->set_gate("tests");
  EXPECT_THAT(IntegrateAndWait(opening).error(), HasSubstr("fails on the target main itself"));
  EXPECT_EQ(Round().state(), v1::Round::STATE_READY);
}

TEST_F(IntegrationTest, APlanLeavesNothingBehind) {
  Branch("task-a", "file", "mine\n");
  Branch("task-b", "file", "yours\n");
  Start();
  auto opening = Opening({"task-a", "task-b"});
  Must(opening);
  const std::string before = repository_.Run("find .git -type f | sort | xargs sha256sum");
  const auto plan =
      PlanRound(*workspace_->view(), Round(),
                {.common_dir = repository_.common_dir(), .main_worktree = repository_.top()},
                clock_, base::MonoTime::InfiniteFuture());
  ASSERT_TRUE(plan.ok()) << plan.status();
  ASSERT_EQ(plan->steps_size(), 1);
  EXPECT_EQ(plan->steps(0).branch(), "task-a");
  ASSERT_EQ(plan->left_out_size(), 1);
  EXPECT_THAT(plan->left_out(0).conflict_paths(), ElementsAre("file"));
  EXPECT_EQ(plan->left_out(0).conflicts_with(), "task-a");
  EXPECT_EQ(plan->costliest().branches(), 1);
  EXPECT_EQ(repository_.Run("find .git -type f | sort | xargs sha256sum"), before);
}

// ---- a kill -9 at every point ----

class KilledIntegrationTest : public IntegrationTest,
                              public testing::WithParamInterface<const char*> {};

TEST_P(KilledIntegrationTest, LeavesTheTargetBeforeOrAfter) {
  Branch("task-a", "a", "a\n");
  Branch("task-b", "b", "b\n");
  repository_.Git("checkout -q main");
  repository_.Write("untracked", "mine\n");
  const std::string before = Commit("main");
  auto child = test::Child::Running([&] {
    Start([](std::string_view point) {
      if (point == GetParam()) raise(SIGKILL);
    });
    auto opening = Opening({"task-a", "task-b"});
    opening.mutable_policy()->set_update_checkout(true);
    IntegrateAndWait(opening);
    return 0;
  });
  ASSERT_EQ(child.Wait(), 128 + SIGKILL);
  Start();
  const v1::Operation record = AwaitEnd("O-1");
  ExpectSound();
  EXPECT_EQ(repository_.Git("status --porcelain"), "?? untracked");
  if (Commit("main") == before) {
    EXPECT_EQ(record.state(), v1::Operation::STATE_FAILED);
    EXPECT_EQ(Round().state(), v1::Round::STATE_READY);
    v1::IntegrateRoundRequest again;
    const auto begun = Must(again);
    operations_->TakeUp(begun.events[0]->changes(0).operation(),
                        [](const absl::StatusOr<Ended>&) {});
    EXPECT_EQ(AwaitEnd("O-2").state(), v1::Operation::STATE_DONE);
  } else {
    EXPECT_EQ(record.state(), v1::Operation::STATE_DONE);
  }
  EXPECT_EQ(Round().state(), v1::Round::STATE_CONVERGED) << Round().reason();
  EXPECT_EQ(repository_.Git("show main:a main:b"), "a\nb");
  EXPECT_EQ(repository_.Git("status --porcelain"), "?? untracked");
}

INSTANTIATE_TEST_SUITE_P(AtEachPoint, KilledIntegrationTest,
                         testing::Values("after_intent", "before_ref", "after_ref",
                                         "before_conclusion", "after_conclusion"),
                         [](const auto& point) { return std::string(point.param); });

}  // namespace
}  // namespace coordhub::operations
