// Gates as operations: where they run, and what the log then says.

#include "hub/operations/gate_kind.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "tests/operations/gate_fixture.h"
#include "tests/operations/operations_fixture.h"

namespace coordhub::operations {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class GateKindTest : public OperationsFixture {
 protected:
  void Open() { OpenSqlite(); }
  void StartGates() {
    std::vector<std::unique_ptr<OperationKind>> kinds;
    kinds.push_back(
        std::make_unique<GateKind>(GateKindOptions{.workspace = workspace_.get(),
                                                   .common_dir = repo_.common_dir(),
                                                   .scratch_dir = repo_.scratch_dir(),
                                                   .supervisor = GateRepository::Supervisor()}));
    operations_ = std::make_unique<WorkspaceOperations>(OperationsOptions{
        .workspace = workspace_.get(),
        .clock = &note_clock_,
        .kinds = std::move(kinds),
        .threads = 3,
        .long_threads = 2,
    });
    operations_->Start();
  }
  void OpenAndStart() {
    Open();
    StartGates();
  }
  void Set(const std::string& script, const std::string& target = "main") {
    v1::SetGateRequest request;
    request.set_gate_id("tests");
    for (const std::string& word : {std::string("sh"), std::string("-c"), script}) {
      request.add_command(word);
    }
    request.set_target(target);
    const auto set = Do(std::make_unique<core::Command>(
        core::Command{.caller = core::Caller::Operator(), .body = request}));
    ASSERT_TRUE(set.ok()) << set.status();
  }
  static std::unique_ptr<core::Command> BeginGate() {
    return std::make_unique<core::Command>(
        core::Command{.caller = core::Caller::Operator(),
                      .body = core::BeginOperation{v1::Operation::KIND_GATE, "tests"}});
  }
  Ended Run() {
    const auto ended = Launch(BeginGate())->Get();
    EXPECT_TRUE(ended.ok()) << ended.status();
    return ended.ok() ? *ended : Ended();
  }
  v1::Gate Gate() const {
    const engine::ViewPtr view = workspace_->view();
    const auto* gate = view->records.Find<core::tables::Gates>("tests");
    return gate == nullptr ? v1::Gate() : *gate;
  }

  GateRepository repo_;
};

TEST_F(GateKindTest, RunsOnTheTargetsHeadAndSaysHowItIs) {
  OpenAndStart();
  Set("grep one file");
  repo_.Git("switch -q -c elsewhere");
  repo_.Write("file", "two\n");
  repo_.CommitAll("not on main");
  const Ended ended = Run();
  EXPECT_TRUE(ended.status.ok()) << ended.status;
  EXPECT_THAT(Recorded("O-1").note(), StartsWith("green: main at "));
  EXPECT_EQ(Gate().verdict(), v1::Gate::VERDICT_GREEN);
  EXPECT_EQ(Gate().commit(), repo_.Git("rev-parse main"));
  EXPECT_EQ(Gate().operation_id(), "O-1");
  EXPECT_EQ(repo_.Log("O-1").text, "one\n");
}

TEST_F(GateKindTest, ARedTargetIsAnIncidentThatClosesItself) {
  OpenAndStart();
  Set("grep two file");
  EXPECT_TRUE(Run().status.ok()) << "that it is red is no failure of the operation";
  EXPECT_THAT(Recorded("O-1").note(), StartsWith("red: main at "));
  EXPECT_EQ(Gate().verdict(), v1::Gate::VERDICT_RED);
  EXPECT_EQ(Gate().incident_ticket_id(), "T-1");
  repo_.Write("file", "two\n");
  repo_.CommitAll("mended");
  EXPECT_TRUE(Run().status.ok());
  EXPECT_EQ(Gate().verdict(), v1::Gate::VERDICT_GREEN);
  const engine::ViewPtr view = workspace_->view();
  EXPECT_EQ(view->records.FindTicket(1)->state(), v1::Ticket::STATE_CANCELLED);
}

TEST_F(GateKindTest, WhatCannotRunIsAFailureAndNoVerdict) {
  OpenAndStart();
  EXPECT_EQ(ReasonOf(Run().status), "GATE_NOT_FOUND");
  Set("true", "");
  EXPECT_EQ(ReasonOf(Run().status), "INVALID_FIELD");
  Set("true", "nowhere");
  EXPECT_EQ(ReasonOf(Run().status), "BRANCH_NOT_FOUND");
  EXPECT_EQ(Recorded("O-3").state(), v1::Operation::STATE_FAILED);
  EXPECT_EQ(Gate().verdict(), v1::Gate::VERDICT_UNSPECIFIED);
}

TEST_F(GateKindTest, WhoeverAskedWhileOneRanTakesItsVerdict) {
  OpenAndStart();
  const std::string fifo = repo_.Beside("fifo");
  const std::string count = repo_.Beside("count");
  repo_.Run("mkfifo " + fifo);
  Set(absl::StrCat("echo x >>", count, "; read line <", fifo));
  const Result first = Launch(BeginGate());
  const Result second = Launch(BeginGate());
  while (!operations_->IsUnderWay("O-2")) base::GiveWay();
  repo_.Run("echo go >" + fifo);  // waits for the one that runs
  EXPECT_TRUE(first->Get()->status.ok());
  EXPECT_TRUE(second->Get()->status.ok());
  EXPECT_EQ(GateRepository::Content(count), "x\n");
  EXPECT_THAT(Recorded("O-1").note() + Recorded("O-2").note(), HasSubstr(", as O-"));
}

TEST_F(GateKindTest, OneThatIsCancelledLeavesNothing) {
  OpenAndStart();
  const std::string began = repo_.Beside("began");
  Set(absl::StrCat("touch ", began, "; sleep ", GateRepository::Nap()));
  const Result result = Launch(BeginGate());
  while (!fs::exists(began)) base::GiveWay();
  ASSERT_TRUE(Cancel("O-1").ok());
  EXPECT_EQ(result->Get()->operation.state(), v1::Operation::STATE_CANCELLED);
  EXPECT_EQ(repo_.LeftOf("O-1"), "");
  EXPECT_EQ(Gate().verdict(), v1::Gate::VERDICT_UNSPECIFIED);
}

TEST_F(GateKindTest, ADrainEndsWhatRuns) {
  OpenAndStart();
  const std::string began = repo_.Beside("began");
  Set(absl::StrCat("touch ", began, "; sleep ", GateRepository::Nap()));
  const Result result = Launch(BeginGate());
  while (!fs::exists(began)) base::GiveWay();
  workspace_->Drain();
  EXPECT_EQ(ReasonOf(result->Get()->status), "HUB_DRAINING");
  EXPECT_EQ(repo_.LeftOf("O-1"), "");
  EXPECT_EQ(Recorded("O-1").state(), v1::Operation::STATE_CANCELLED);
}

TEST_F(GateKindTest, WhatAHubLeftUnderWayFailedAndItsTreeIsGone) {
  Open();
  Set("true");
  ASSERT_TRUE(Do(BeginGate()).ok());
  ASSERT_TRUE(PrepareGateScratch(repo_.scratch_dir()).ok());
  const std::string tree = GateTree(repo_.scratch_dir(), "O-1");
  repo_.Git("worktree add -q --detach " + tree);
  Close();
  OpenAndStart();
  EXPECT_EQ(AwaitEnd("O-1").state(), v1::Operation::STATE_FAILED);
  EXPECT_EQ(Recorded("O-1").error(), "the hub ended while it was under way");
  EXPECT_FALSE(fs::exists(tree));
  EXPECT_EQ(Gate().verdict(), v1::Gate::VERDICT_UNSPECIFIED);
}

TEST_F(GateKindTest, OnlyLogsThatSomebodyMayAskForAreKept) {
  OpenAndStart();
  Set("echo ran");
  Run();
  EXPECT_EQ(repo_.Log("O-1").text, "ran\n");
  Run();
  EXPECT_EQ(repo_.Log("O-1").text, "");
  EXPECT_EQ(repo_.Log("O-2").text, "ran\n");
}

}  // namespace
}  // namespace coordhub::operations
