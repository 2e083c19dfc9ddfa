// Snapshots and compactions that a workspace makes by itself.
#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "hub/core/digest.h"
#include "tests/engine/workspace_fixture.h"

namespace coordhub::engine {
namespace {

constexpr int64_t kSnapshotEvery = 100;
constexpr int64_t kRetained = 200;
// Events between two looks at what the maintenance did.
constexpr int64_t kStep = 50;

// Few records and many events, for both are written in proportion to the larger number.
class MaintenanceTest : public WorkspaceTest {
 protected:
  MaintenanceTest() {
    options_.snapshot_every = kSnapshotEvery;
    options_.retained_events = kRetained;
  }

  void TearDown() override {
    go_on_.Set(true);
    WorkspaceTest::TearDown();
  }
  void Script(ScriptedJournal* journal) {
    journal->on_snapshot = [this](int64_t revision) {
      newest_snapshot_ = revision;
      ++snapshots_;
      if (!hold_) return;
      in_snapshot_.Set(true);
      go_on_.Get();
    };
    journal->on_compact = [this, journal](int64_t revision) {
      ++compactions_;
      EXPECT_GE(journal->head_revision() - revision, kRetained) << "more than is promised went";
      EXPECT_GE(newest_snapshot_, revision) << "no snapshot continues what is kept";
    };
  }
  void OpenInMemory() {
    auto journal =
        std::make_unique<ScriptedJournal>(journal::NewMemoryJournal(std::string(32, 'a')));
    Script(journal.get());
    Open(std::move(journal));
    ASSERT_TRUE(Do(CommandOf(Operator(), Create("one"))).ok());
  }
  // One event.
  absl::StatusOr<Outcome> Change(int i, const std::string& request_id = "") {
    v1::UpdateTicketRequest request;
    request.set_request_id(request_id);
    request.set_ticket_id("T-1");
    request.mutable_spec()->set_title("title " + std::to_string(i));
    request.mutable_update_mask()->add_paths("title");
    return Do(CommandOf(Operator(), request));
  }
  // Returns once the maintenance that is under way is done.
  void Settle() {
    Waitable<bool> done;
    workspace_->ComputeDigest(workspace_->view(),
                              [&done](const absl::StatusOr<std::string>&) { done.Set(true); });
    done.Get();
  }
  int64_t head() const { return workspace_->view()->revision; }

  // A snapshot is held up until it may go on.
  std::atomic<bool> hold_{false};
  Waitable<bool> in_snapshot_;
  Waitable<bool> go_on_;
  std::atomic<int64_t> newest_snapshot_{0};
  std::atomic<int> snapshots_{0};
  std::atomic<int> compactions_{0};
};

TEST_F(MaintenanceTest, SnapshotsAndCompactionsComeByThemselvesAndKeepWhatIsPromised) {
  OpenSqlite([this](ScriptedJournal* journal) { Script(journal); });
  ASSERT_TRUE(Do(CommandOf(Operator(), Create("one"))).ok());
  for (int i = 0; i < 2000; ++i) {
    ASSERT_TRUE(Change(i).ok());
    const int64_t kept = head() - workspace_->Describe().compact_revision();
    ASSERT_GE(kept, std::min(head(), kRetained));
    if (i % kStep != 0) continue;
    Settle();
    // What falls due while something else is done is done in the step after it.
    ASSERT_LE(head() - newest_snapshot_, kSnapshotEvery + 3 * kStep);
    ASSERT_LE(head() - workspace_->Describe().compact_revision(), 2 * kRetained + 3 * kStep);
  }
  EXPECT_GE(snapshots_, 10);
  EXPECT_GE(compactions_, 4);
  EXPECT_EQ(base::ReasonOf(ReadEvents(1).status()), v1::ERROR_REASON_REVISION_COMPACTED);
  const std::string digest = core::Digest(*workspace_->view());
  EXPECT_EQ(Verify().digest, digest);
  OpenSqlite();
  EXPECT_EQ(core::Digest(*workspace_->view()), digest);
}

TEST_F(MaintenanceTest, ASnapshotWaitsForThreeEventsForEachRecordOfTheLastOne) {
  OpenInMemory();
  while (snapshots_ == 0) {
    ASSERT_TRUE(Do(CommandOf(Operator(), Create("one"))).ok());
    Settle();
  }
  const int64_t first = newest_snapshot_;
  EXPECT_LE(first, kSnapshotEvery + 1);
  const int64_t records = core::MakeSnapshotHeader(*workspace_->view()).record_count();
  ASSERT_GE(records, first / 2);
  for (int i = 0; snapshots_ == 1; ++i) {
    ASSERT_TRUE(Change(i).ok());
    Settle();
  }
  // An answer comes before what the commit sets off is looked for; and the first view may have
  // grown by an event.
  EXPECT_GE(newest_snapshot_ - first, 3 * (records - 1));
  EXPECT_LE(newest_snapshot_ - first, 3 * records + 1);
}

// On disk, where the snapshot is half written: mutations, repeated ones (of before it began and of
// meanwhile, whose events no ring has any more), and reads of the journal.
TEST_F(MaintenanceTest, AnswersGoOnWhileASnapshotIsWritten) {
  hold_ = true;
  options_.ring_events = 16;
  OpenSqlite([this](ScriptedJournal* journal) { Script(journal); });
  ASSERT_TRUE(Do(CommandOf(Operator(), Create("one"))).ok());
  int i = 0;
  const auto before = Change(i, "before");
  ASSERT_TRUE(before.ok());
  while (head() < kSnapshotEvery) ASSERT_TRUE(Change(++i).ok());
  in_snapshot_.Get();
  const int during = ++i;
  const auto meanwhile = Change(during, "meanwhile");
  ASSERT_TRUE(meanwhile.ok());
  for (int more = 1; more < 500; ++more) ASSERT_TRUE(Change(++i).ok());
  const int64_t head_meanwhile = head();
  const auto before_again = Change(0, "before");
  const auto meanwhile_again = Change(during, "meanwhile");
  ASSERT_TRUE(before_again.ok()) << before_again.status();
  ASSERT_TRUE(meanwhile_again.ok()) << meanwhile_again.status();
  EXPECT_EQ(before_again->revision, before->revision);
  EXPECT_EQ(meanwhile_again->revision, meanwhile->revision);
  EXPECT_EQ(head(), head_meanwhile) << "a repeat happened again";
  const auto read = ReadEvents(0);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(static_cast<int64_t>(read->size()), head_meanwhile);
  EXPECT_EQ(snapshots_, 1) << "one at a time";
  EXPECT_EQ(workspace_->Describe().compact_revision(), 0);
  go_on_.Set(true);
  Settle();
  // The second one's answer shows that the first one was looked at.
  for (int more = 0; more < 2; ++more) ASSERT_TRUE(Change(++i).ok());
  Settle();
  EXPECT_GT(workspace_->Describe().compact_revision(), 0)
      << "what was due meanwhile is made up for";
  Verify();
}

TEST_F(MaintenanceTest, VerificationReportsASnapshotThatDoesNotHoldWhatWasWritten) {
  auto journal = std::make_unique<ScriptedJournal>(journal::NewMemoryJournal(std::string(32, 'a')));
  Script(journal.get());
  journal->on_snapshot_header = [](journal::v1::SnapshotHeader* header) {
    // As if a record had been lost on its way into the file.
    header->set_digest(core::kDigestScheme + std::string(64, '0'));
  };
  Open(std::move(journal));
  ASSERT_TRUE(Do(CommandOf(Operator(), Create("one"))).ok());
  Verify();
  for (int i = 0; snapshots_ == 0; ++i) {
    ASSERT_TRUE(Change(i).ok());
    Settle();
  }
  EXPECT_EQ(base::ReasonOf(TryVerify().status()), v1::ERROR_REASON_JOURNAL_DAMAGED);
}

TEST_F(MaintenanceTest, ADigestThatAnOlderBuildMadeOtherwiseIsNoDamage) {
  auto journal = std::make_unique<ScriptedJournal>(journal::NewMemoryJournal(std::string(32, 'a')));
  Script(journal.get());
  journal->on_snapshot_header = [](journal::v1::SnapshotHeader* header) {
    header->set_digest(std::string(64, '0'));  // before schemes were told apart
  };
  Open(std::move(journal));
  for (int i = 0; snapshots_ == 0; ++i) {
    ASSERT_TRUE(i == 0 ? Do(CommandOf(Operator(), Create("one"))).ok() : Change(i).ok());
    Settle();
  }
  EXPECT_TRUE(TryVerify().ok()) << TryVerify().status();
}

TEST_F(MaintenanceTest, VerificationReportsADamagedStore) {
  auto journal = std::make_unique<ScriptedJournal>(journal::NewMemoryJournal(std::string(32, 'a')));
  journal->on_verify_store = [] {
    return base::MakeError(v1::ERROR_REASON_JOURNAL_DAMAGED, "a row does not match its checksum");
  };
  Open(std::move(journal));
  ASSERT_TRUE(Do(CommandOf(Operator(), Create("one"))).ok());
  EXPECT_EQ(base::ReasonOf(TryVerify().status()), v1::ERROR_REASON_JOURNAL_DAMAGED);
}

TEST_F(MaintenanceTest, WithoutRetentionNothingIsEverDropped) {
  options_.retained_events = 0;
  OpenInMemory();
  for (int i = 0; i < 500; ++i) ASSERT_TRUE(Change(i).ok());
  Settle();
  EXPECT_GE(snapshots_, 1);
  EXPECT_EQ(compactions_, 0);
  EXPECT_TRUE(ReadEvents(0).ok());
}

}  // namespace
}  // namespace coordhub::engine
