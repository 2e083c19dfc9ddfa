// Worktrees as operations: what is in the log, what is asked for, and what a kill leaves.

#include "hub/operations/worktree_kinds.h"

#include <csignal>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "coordhub/v1/repository_service.pb.h"
#include "tests/git/scratch_repository.h"
#include "tests/operations/operations_fixture.h"
#include "tests/support/child.h"

namespace coordhub::operations {
namespace {

namespace fs = std::filesystem;

class WorktreeKindsTest : public OperationsFixture {
 protected:
  void SetUp() override {
    OperationsFixture::SetUp();
    repo_.InitWithCommit();
    repo_.Write("shared_state/tickets.md", "");
    repo_.Run("echo /shared_state >> .git/info/exclude");
  }
  // Kills this process when the work comes to `kill_at` percent.
  void OpenAndStart(int kill_at = 101) {
    OpenSqlite();
    git::ObserverOptions observing;
    observing.clock = &observer_clock_;
    auto observer = git::Observer::Open(repo_.common_dir(), observing);
    ASSERT_TRUE(observer.ok()) << observer.status();
    observer_ = *std::move(observer);
    WorktreeSurroundings around;
    around.workspace = workspace_.get();
    around.observer = observer_.get();
    around.requests = &requests_;
    around.common_dir = repo_.common_dir();
    around.link_path = "shared_state";
    around.link_target = repo_.top() + "/shared_state";
    around.agents_root = repo_.Beside("below");
    std::vector<std::unique_ptr<OperationKind>> kinds;
    kinds.push_back(
        std::make_unique<Killed>(std::make_unique<CreateWorktreeKind>(around), kill_at));
    kinds.push_back(
        std::make_unique<Killed>(std::make_unique<RemoveWorktreeKind>(around), kill_at));
    StartOperations(std::move(kinds));
  }
  void TearDown() override {
    Close();
    observer_.reset();
    OperationsFixture::TearDown();
  }

  Result Ask(v1::Operation::Kind kind, const std::string& path, WorktreeRequest request,
             core::Caller caller = core::Caller::Operator()) {
    request.kind = kind;
    EXPECT_TRUE(requests_.Hold(path, request));
    return Launch(std::make_unique<core::Command>(core::Command{
        .caller = std::move(caller), .body = core::BeginOperation{.kind = kind, .subject = path}}));
  }
  Result Create(const std::string& name, core::Caller caller = core::Caller::Operator()) {
    return Ask(v1::Operation::KIND_CREATE_WORKTREE, repo_.Beside(name), {.branch = name},
               std::move(caller));
  }
  Result Remove(const std::string& name) {
    requests_.Release(repo_.Beside(name));
    return Ask(v1::Operation::KIND_REMOVE_WORKTREE, repo_.Beside(name), {});
  }
  // The caller of a session of this agent's.
  core::Caller Register(const std::string& agent_id, const std::string& worktree) {
    core::RegisterAgent command;
    command.request.set_agent_id(agent_id);
    command.request.set_worktree(worktree);
    command.new_session_uid = "uid-" + agent_id;
    EXPECT_TRUE(Do(std::make_unique<core::Command>(core::Command{.caller = core::Caller::Operator(),
                                                                 .body = std::move(command)}))
                    .ok());
    return core::Caller::Session("uid-" + agent_id);
  }
  // Runs it in a process of its own that is killed when it comes to `percent`.
  void KillAt(int percent, const std::function<Result()>& work) {
    observer_.reset();  // its threads would not be in the child
    test::ReportingChild child([&](int fd) {
      OpenAndStart(percent);
      (void)work()->Get();
      test::WriteLine(fd, "survived");
    });
    ASSERT_EQ(child.ReadLine(), "") << "it was to be killed";
  }
  void ExpectSane() const {
    EXPECT_EQ(repo_.Git("worktree prune -v"), "");
    EXPECT_EQ(repo_.Git("fsck --no-progress"), "");
    EXPECT_EQ(repo_.Run("ls -A .. | grep '^[.]coordhub' || true"), "");
    EXPECT_EQ(repo_.Run("ls -A .git/coordhub 2>/dev/null || true"), "");
  }

  const git::ScratchRepository repo_;
  WorktreeRequests requests_{"/worktrees", WorktreeNaming()};

 private:
  class Killed final : public OperationKind {
   public:
    Killed(std::unique_ptr<OperationKind> real, int kill_at)
        : real_(std::move(real)), kill_at_(kill_at) {}
    v1::Operation::Kind kind() const override { return real_->kind(); }
    absl::StatusOr<OperationResult> Run(OperationContext& context) override {
      Watched watched(context, kill_at_);
      return real_->Run(watched);
    }
    Recovery Recover(OperationContext& context) override { return real_->Recover(context); }

   private:
    class Watched final : public OperationContext {
     public:
      Watched(OperationContext& real, int kill_at) : real_(real), kill_at_(kill_at) {}
      const v1::Operation& operation() const override { return real_.operation(); }
      bool cancelled() const override { return real_.cancelled(); }
      void Progress(int percent, std::string_view) override {
        if (percent >= kill_at_) raise(SIGKILL);
      }

     private:
      OperationContext& real_;
      const int kill_at_;
    };
    const std::unique_ptr<OperationKind> real_;
    const int kill_at_;
  };

  base::SystemClock observer_clock_;
  std::unique_ptr<git::Observer> observer_;
};

TEST_F(WorktreeKindsTest, AWorktreeIsSeenWhenTheAnswerIsThere) {
  OpenAndStart();
  const auto made = Create("task-1")->Get();
  ASSERT_TRUE(made.ok() && made->status.ok()) << made->status;
  EXPECT_EQ(made->operation.state(), v1::Operation::STATE_DONE);
  EXPECT_EQ(made->operation.note(), "branch task-1");
  const auto& answer = dynamic_cast<const v1::CreateWorktreeResponse&>(*made->answer);
  EXPECT_EQ(answer.operation_id(), "O-1");
  EXPECT_EQ(answer.worktree().path(), repo_.Beside("task-1"));
  EXPECT_EQ(answer.worktree().name(), "task-1") << "as it was observed";
  EXPECT_EQ(answer.worktree().branch(), "task-1");
  EXPECT_EQ(answer.worktree().commit(), repo_.Git("rev-parse main"));

  const auto removed = Remove("task-1")->Get();
  ASSERT_TRUE(removed.ok() && removed->status.ok()) << removed->status;
  EXPECT_EQ(removed->operation.note(), "branch task-1 stays");
  const auto& gone = dynamic_cast<const v1::RemoveWorktreeResponse&>(*removed->answer);
  EXPECT_EQ(gone.worktree().path(), repo_.Beside("task-1"));
  EXPECT_EQ(gone.worktree().branch(), "task-1");
  ExpectSane();
}

TEST_F(WorktreeKindsTest, WhatIsRefusedIsInTheLogWithItsReason) {
  OpenAndStart();
  fs::create_directory(repo_.Beside("task-1"));
  repo_.Write("../task-1/precious", "content");
  const auto made = Create("task-1")->Get();
  EXPECT_EQ(ReasonOf(made->status), "INVALID_FIELD");
  EXPECT_EQ(base::MetadataOf(made->status, "field"), "path");
  EXPECT_EQ(Recorded("O-1").state(), v1::Operation::STATE_FAILED);
  EXPECT_NE(Recorded("O-1").error(), "");
  ExpectSane();
}

TEST_F(WorktreeKindsTest, WhereALiveAgentWorksNothingIsRemoved) {
  OpenAndStart();
  ASSERT_TRUE(Create("task-1")->Get()->status.ok());
  Register("ann", repo_.Beside("task-1") + "/");
  const auto held = Remove("task-1")->Get();
  EXPECT_EQ(ReasonOf(held->status), "WORKTREE_HELD");
  EXPECT_EQ(base::MetadataOf(held->status, "holder"), "ann");
  EXPECT_TRUE(fs::exists(repo_.Beside("task-1") + "/file"));
  v1::DeregisterAgentRequest leave;
  leave.set_agent_id("ann");
  ASSERT_TRUE(Do(std::make_unique<core::Command>(
                     core::Command{.caller = core::Caller::Operator(), .body = leave}))
                  .ok());
  EXPECT_TRUE(Remove("task-1")->Get()->status.ok());
}

TEST_F(WorktreeKindsTest, AnAgentGetsOneBelowItsRootOnly) {
  OpenAndStart();
  const core::Caller ann = Register("ann", "");
  EXPECT_EQ(ReasonOf(Create("elsewhere", ann)->Get()->status), "INVALID_FIELD");
  EXPECT_FALSE(fs::exists(repo_.Beside("elsewhere")));
  const auto below =
      Ask(v1::Operation::KIND_CREATE_WORKTREE, repo_.Beside("below/x"), {.branch = "x"}, ann)
          ->Get();
  EXPECT_TRUE(below->status.ok()) << below->status;
}

TEST_F(WorktreeKindsTest, AKillAtAnyStepOfMakingLeavesOneOrNone) {
  for (const int percent : {0, 10, 80, 85, 90, 95, 98}) {
    const std::string name = absl::StrCat("task-", percent);
    KillAt(percent, [&] { return Create(name); });
    EXPECT_EQ(fs::exists(repo_.Beside(name)), percent >= 95) << percent;
    OpenAndStart();
    const auto view = workspace_->view();
    const auto newest = view->records.of<core::tables::Operations>().Last();
    ASSERT_TRUE(newest.Valid());
    const v1::Operation record = AwaitEnd(newest->operation_id());
    const bool whole = percent >= 90;
    EXPECT_EQ(record.state(), whole ? v1::Operation::STATE_DONE : v1::Operation::STATE_FAILED)
        << percent << record.ShortDebugString();
    EXPECT_EQ(fs::exists(repo_.Beside(name) + "/file"), whole);
    EXPECT_EQ(repo_.Git("branch --list " + name) != "", whole) << percent;
    if (!whole) {
      EXPECT_FALSE(record.error().empty());
      EXPECT_TRUE(Create(name)->Get()->status.ok()) << "the names are free";
    }
    ExpectSane();
    Close();
  }
}

TEST_F(WorktreeKindsTest, AKillAtAnyStepOfARemovalRemovesItOrDoesNot) {
  for (const int percent : {0, 30, 40, 60, 70}) {
    const std::string name = absl::StrCat("task-", percent);
    repo_.Git("worktree add -q -b " + name + " ../" + name);
    requests_.Hold(repo_.Beside(name), {});
    KillAt(percent, [&] { return Remove(name); });
    OpenAndStart();
    const auto view = workspace_->view();
    const auto newest = view->records.of<core::tables::Operations>().Last();
    ASSERT_TRUE(newest.Valid());
    const v1::Operation record = AwaitEnd(newest->operation_id());
    const bool gone = percent >= 70;
    EXPECT_EQ(record.state(), gone ? v1::Operation::STATE_DONE : v1::Operation::STATE_FAILED)
        << percent;
    EXPECT_EQ(fs::exists(repo_.Beside(name) + "/file"), !gone);
    EXPECT_NE(repo_.Git("branch --list " + name), "");
    ExpectSane();
    Close();
  }
}

TEST_F(WorktreeKindsTest, ADrainLeavesNoHalfWorktree) {
  OpenAndStart();
  workspace_->Drain();
  const auto made = Create("task-1")->Get();
  EXPECT_FALSE(made.ok() && made->status.ok());
  EXPECT_FALSE(fs::exists(repo_.Beside("task-1")));
}

// ---- what is asked for ----

TEST(WorktreeRequestsTest, APathIsOneRequestsAtATime) {
  WorktreeRequests requests("/trees", WorktreeNaming());
  const WorktreeRequest one = {.kind = v1::Operation::KIND_CREATE_WORKTREE, .branch = "one"};
  EXPECT_TRUE(requests.Hold("/a", one));
  EXPECT_TRUE(requests.Hold("/a", one)) << "a repeat";
  EXPECT_FALSE(requests.Hold("/a", {.kind = one.kind, .branch = "two"}));
  EXPECT_FALSE(requests.Hold("/a", {.kind = v1::Operation::KIND_REMOVE_WORKTREE}));
  EXPECT_TRUE(requests.Hold("/b", {.kind = one.kind, .branch = "two"}));
  requests.Release("/a");
  EXPECT_EQ(requests.Find("/a")->branch, "one");
  requests.Release("/a");
  EXPECT_FALSE(requests.Find("/a").has_value());
  EXPECT_EQ(requests.DefaultPath("a/b"), "/trees/a-b");
}

TEST(WorktreeNamingTest, TheFirstPatternThatCanBeFilledNamesTheBranch) {
  const WorktreeNaming standard;
  EXPECT_EQ(standard.NameFor({.ticket_id = "T-7"}), "task-T-7");
  EXPECT_EQ(standard.NameFor({.agent_id = "conversation-4/reviewer"}), "conversation-4-reviewer");
  EXPECT_EQ(standard.NameFor({.ticket_id = "T-7", .agent_id = "a"}), "task-T-7");
  EXPECT_EQ(standard.NameFor({}), "");
  const WorktreeNaming own({"{agent}/{ticket}-{title}", "work/{title}"});
  EXPECT_EQ(own.NameFor({.ticket_id = "T-7", .title = "Mend it", .agent_id = "a"}),
            "a/T-7-mend-it");
  EXPECT_EQ(own.NameFor({.ticket_id = "T-7", .title = "Mend it"}), "work/mend-it");
  EXPECT_EQ(own.NameFor({.agent_id = "a"}), "a");
}

TEST(WorktreeNamingTest, ATitleIsMadeHarmless) {
  const WorktreeNaming naming({"{title}"});
  const auto of = [&naming](const std::string& title) {
    return naming.NameFor({.ticket_id = "T-1", .title = title});
  };
  EXPECT_EQ(of("--upload-pack=evil; rm -rf /"), "upload-pack-evil-rm-rf");
  EXPECT_EQ(of("../../etc/passwd\n@{-1}~^:?*[\\"), "etc-passwd-1");
  EXPECT_EQ(of("\xc3\x9c\xc2\xa0\xe2\x80\xae"), "untitled");
  EXPECT_EQ(of(std::string(100, 'A')), std::string(40, 'a'));
  EXPECT_EQ(of(std::string(39, 'a') + " b"), std::string(39, 'a')) << "no hyphen at the end";
  EXPECT_EQ(of(""), "untitled");
}

TEST(WorktreeNamingTest, PatternsThatNameNoBranchAreRefused) {
  for (const char* good : {"{agent}", "task/{ticket}", "x-{title}_{ticket}.y"}) {
    EXPECT_TRUE(WorktreeNaming::Check(good).ok()) << good;
  }
  for (const std::string bad :
       {"", "task", "{who}", "{ticket", "{}", "-{ticket}", "/{ticket}", "{ticket}/", ".{ticket}",
        "a..{ticket}", "{ticket}.lock", "a b{ticket}", "a//{ticket}", "a/.{ticket}", "{ticket}~1",
        "{ticket}@{agent}"}) {
    EXPECT_EQ(base::MetadataOf(WorktreeNaming::Check(bad), "field"), "--worktree-branch") << bad;
  }
}

}  // namespace
}  // namespace coordhub::operations
