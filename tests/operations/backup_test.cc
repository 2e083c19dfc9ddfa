// Backups and verification as operations.

#include <csignal>
#include <filesystem>
#include <fstream>

#include "coordhub/v1/hub_service.pb.h"
#include "hub/journal/sqlite_journal.h"
#include "hub/operations/backup_kind.h"
#include "hub/operations/verify_kind.h"
#include "tests/operations/operations_fixture.h"
#include "tests/support/child.h"

namespace coordhub::operations {
namespace {

namespace fs = std::filesystem;

// Another kind, with a hand in its progress.
class WatchedKind final : public OperationKind {
 public:
  WatchedKind(std::unique_ptr<OperationKind> real, std::function<void(int)> on_progress)
      : real_(std::move(real)), on_progress_(std::move(on_progress)) {}

  v1::Operation::Kind kind() const override { return real_->kind(); }
  absl::StatusOr<OperationResult> Run(OperationContext& context) override {
    Watched watched(context, on_progress_);
    return real_->Run(watched);
  }
  Recovery Recover(OperationContext& context) override { return real_->Recover(context); }
  bool RunsUnrecorded() const override { return real_->RunsUnrecorded(); }

 private:
  class Watched final : public OperationContext {
   public:
    Watched(OperationContext& real, const std::function<void(int)>& on_progress)
        : real_(real), on_progress_(on_progress) {}
    const v1::Operation& operation() const override { return real_.operation(); }
    bool cancelled() const override { return real_.cancelled(); }
    void Progress(int percent, std::string_view note) override {
      on_progress_(percent);
      real_.Progress(percent, note);
    }

   private:
    OperationContext& real_;
    const std::function<void(int)>& on_progress_;
  };

  const std::unique_ptr<OperationKind> real_;
  const std::function<void(int)> on_progress_;
};

class BackupTest : public OperationsFixture {
 protected:
  void OpenAndStart(std::function<void(int)> on_progress = [](int) {}) {
    OpenSqlite();
    std::vector<std::unique_ptr<OperationKind>> kinds;
    kinds.push_back(
        std::make_unique<WatchedKind>(std::make_unique<BackupKind>(workspace_.get()), on_progress));
    kinds.push_back(
        std::make_unique<WatchedKind>(std::make_unique<VerifyKind>(workspace_.get()), on_progress));
    StartOperations(std::move(kinds));
  }
  void MakeTickets(int count) {
    for (int i = 0; i < count; ++i) {
      ASSERT_TRUE(Do(engine::CommandOf(engine::Operator(), engine::Create("work"))).ok());
    }
  }
  static std::unique_ptr<core::Command> BeginVerify() {
    return std::make_unique<core::Command>(
        core::Command{.caller = core::Caller::Operator(),
                      .body = core::BeginOperation{.kind = v1::Operation::KIND_VERIFY}});
  }
  std::string Target() const { return directory_ + "/backups/today"; }
  Result LaunchBackup(const std::string& request_id = "") {
    return Launch(Begin(request_id, Target()));
  }
  // What is beside the backup, and it.
  std::vector<std::string> Beside() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(directory_ + "/backups")) {
      names.push_back(entry.path().filename().string());
    }
    return names;
  }
  void SetUp() override {
    OperationsFixture::SetUp();
    fs::create_directory(directory_ + "/backups");
  }
  // Runs a backup in a process of its own that kills itself when it comes to `percent`.
  void KillInBackup(int percent) {
    // The engine's threads do not survive a fork: all of it happens in the child.
    test::ReportingChild child([&](int fd) {
      OpenAndStart([percent](int now) {
        if (now >= percent) raise(SIGKILL);
      });
      MakeTickets(3);
      test::WriteLine(fd, "begins");
      (void)LaunchBackup()->Get();
      test::WriteLine(fd, "survived");
    });
    ASSERT_EQ(child.ReadLine(), "begins");
    ASSERT_EQ(child.ReadLine(), "") << "it was to be killed";
  }
};

TEST_F(BackupTest, ABackupIsAnOperationAndCanBeRestored) {
  OpenAndStart();
  MakeTickets(3);
  const auto ended = LaunchBackup()->Get();
  ASSERT_TRUE(ended.ok()) << ended.status();
  ASSERT_TRUE(ended->status.ok()) << ended->status;
  EXPECT_EQ(ended->operation.state(), v1::Operation::STATE_DONE);
  const auto& answer = dynamic_cast<const v1::BackupWorkspaceResponse&>(*ended->answer);
  EXPECT_EQ(answer.operation_id(), "O-1");
  EXPECT_GT(answer.size_bytes(), 0);
  EXPECT_GE(answer.revision(), ended->operation.create_revision());
  EXPECT_EQ(Beside(), std::vector<std::string>{"today"});

  ASSERT_TRUE(journal::RestoreBackup(Target(), SqliteAt("restored")).ok());
  auto restored = journal::OpenSqliteJournal(SqliteAt("restored"));
  ASSERT_TRUE(restored.ok()) << restored.status();
  EXPECT_EQ((*restored)->head_revision(), answer.revision());
}

TEST_F(BackupTest, WhatIsThereAlreadyIsLeftAlone) {
  OpenAndStart();
  fs::create_directory(Target());
  std::ofstream(Target() + "/precious") << "content";
  const auto ended = LaunchBackup()->Get();
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(ReasonOf(ended->status), "INVALID_FIELD");
  EXPECT_EQ(base::MetadataOf(ended->status, "field"), "directory");
  EXPECT_EQ(Recorded("O-1").state(), v1::Operation::STATE_FAILED);
  EXPECT_TRUE(fs::exists(Target() + "/precious"));
  EXPECT_EQ(Beside(), std::vector<std::string>{"today"});
}

TEST_F(BackupTest, WhatSomebodyPutThereMeanwhileIsLeftAlone) {
  bool put = false;
  OpenAndStart([&](int percent) {
    if (percent < 90 || std::exchange(put, true)) return;
    fs::create_directory(Target());
    std::ofstream(Target() + "/precious") << "content";
  });
  MakeTickets(1);
  EXPECT_EQ(ReasonOf(LaunchBackup()->Get()->status), "INVALID_FIELD");
  EXPECT_TRUE(fs::exists(Target() + "/precious"));
  EXPECT_EQ(Beside(), std::vector<std::string>{"today"});
}

TEST_F(BackupTest, ACancelledBackupLeavesNothing) {
  engine::Waitable<bool> in_the_middle;
  engine::Waitable<bool> go_on;
  OpenAndStart([&](int) {
    in_the_middle.Set(true);
    go_on.Get();
  });
  MakeTickets(3);
  const Result result = LaunchBackup();
  in_the_middle.Get();
  EXPECT_EQ(Beside().size(), 1u) << "it has begun";
  ASSERT_TRUE(Cancel("O-1").ok()) << "the writer is not held";
  go_on.Set(true);
  EXPECT_EQ(result->Get()->operation.state(), v1::Operation::STATE_CANCELLED);
  EXPECT_TRUE(Beside().empty());
}

TEST_F(BackupTest, ADrainStopsABackupAndAVerification) {
  for (const bool backup : {true, false}) {
    engine::Waitable<bool> in_the_middle;
    engine::Waitable<bool> go_on;
    OpenAndStart([&](int) {
      in_the_middle.Set(true);
      go_on.Get();
    });
    MakeTickets(3);
    const Result result = backup ? LaunchBackup() : Launch(BeginVerify());
    in_the_middle.Get();
    workspace_->Drain();
    go_on.Set(true);
    EXPECT_EQ(ReasonOf(result->Get()->status), "HUB_DRAINING");
    EXPECT_EQ(Recorded(backup ? "O-1" : "O-2").state(), v1::Operation::STATE_CANCELLED);
    EXPECT_TRUE(Beside().empty());
    Close();
  }
}

TEST_F(BackupTest, ABackupThatIsKilledInTheMiddleIsUndoneAtTheNextStart) {
  KillInBackup(1);
  EXPECT_EQ(Beside().size(), 1u) << "it was in the middle";
  EXPECT_NE(Beside().front(), "today");
  OpenAndStart();
  const v1::Operation record = AwaitEnd("O-1");
  EXPECT_EQ(record.state(), v1::Operation::STATE_FAILED);
  EXPECT_FALSE(record.error().empty());
  EXPECT_TRUE(Beside().empty());
  ASSERT_TRUE(LaunchBackup()->Get()->status.ok()) << "the name is free";
}

TEST_F(BackupTest, ABackupThatGotItsNameBeforeTheKillIsDone) {
  OpenAndStart();
  MakeTickets(3);
  ASSERT_TRUE(Do(Begin("", Target())).ok());
  // All that a process does but the last command.
  v1::Operation operation = Recorded("O-1");
  engine::Waitable<bool> filled;
  const std::string partial = BackupKind(workspace_.get()).PartialDirectory(operation);
  workspace_->Backup(partial, [&](const absl::StatusOr<engine::Workspace::BackupResult>& backup) {
    filled.Set(backup.ok());
  });
  ASSERT_TRUE(filled.Get());
  fs::rename(partial, Target());
  Close();
  OpenAndStart();
  EXPECT_EQ(AwaitEnd("O-1").state(), v1::Operation::STATE_DONE);
  EXPECT_EQ(Beside(), std::vector<std::string>{"today"});
}

TEST_F(BackupTest, AnotherBackupUnderTheNameIsNotTakenForIt) {
  OpenAndStart();
  ASSERT_TRUE(LaunchBackup()->Get()->status.ok());
  // Begun later, and killed before it looked at the directory.
  ASSERT_TRUE(Do(Begin("", Target())).ok());
  Close();
  OpenAndStart();
  EXPECT_EQ(AwaitEnd("O-2").state(), v1::Operation::STATE_FAILED);
  EXPECT_EQ(Beside(), std::vector<std::string>{"today"}) << "and is left alone";
}

TEST_F(BackupTest, AVerificationIsAnOperation) {
  std::atomic<int> told{0};
  OpenAndStart([&](int) { ++told; });
  MakeTickets(3);
  const auto ended = Launch(BeginVerify())->Get();
  ASSERT_TRUE(ended.ok()) << ended.status();
  ASSERT_TRUE(ended->status.ok()) << ended->status;
  const auto& answer = dynamic_cast<const v1::VerifyWorkspaceResponse&>(*ended->answer);
  EXPECT_EQ(answer.operation_id(), "O-1");
  EXPECT_EQ(answer.verified_revision(), ended->operation.create_revision());
  EXPECT_EQ(answer.checked_events(), answer.verified_revision());
  EXPECT_EQ(answer.digest().size(), 64u);
  EXPECT_GT(told, 0);
}

}  // namespace
}  // namespace coordhub::operations
