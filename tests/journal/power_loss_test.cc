// No acknowledged event is lost by a power loss, on a disk that honours syncs.

#include <gtest/gtest.h>

#include <filesystem>
#include <random>

#include "tests/journal/harness.h"
#include "tests/journal/power_cut_vfs.h"
#include "tests/journal/raw_database.h"

namespace coordhub::journal {
namespace {

class PowerLossTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<Journal>> TryOpen() {
    SqliteOptions options = disk_.Options();
    options.vfs = PowerCutVfs::kName;
    options.checkpoint_bytes = 64 << 10;
    options.log_room_bytes = 48 << 10;
    return OpenSqliteJournal(options);
  }

  // Appends, snapshots, compacts and checkpoints until the power goes, or `steps` are done.
  void Work(Journal* journal, std::mt19937* random, int steps) {
    for (int step = 0; step < steps && !vfs_.is_cut(); ++step) {
      const int64_t head = journal->head_revision();
      const int64_t last = head + 1 + (*random)() % 6;
      attempted_ = std::max(attempted_, last);
      if (journal->Append(MakeCommits(head + 1, last, 1 + (*random)() % 3, (*random)() % 5000))
              .ok()) {
        acknowledged_ = last;
      }
      Maintain(journal, (*random)() % 8);
    }
  }

  void Maintain(Journal* journal, unsigned choice) {
    const int64_t head = journal->head_revision();
    if (head == 0) return;  // the power went during the first append
    switch (choice) {
      case 0:
      case 1:
      case 2:
        (void)journal->Checkpoint(/*force=*/false);
        break;
      case 3:
        (void)journal->Checkpoint(/*force=*/true);
        break;
      case 4:
        if (SaveSnapshot(journal, head).ok() && journal->Compact(head, {}).ok()) {
          compacted_ = head;
        }
        break;
      default:
        break;
    }
  }

  // Replaces the files by what the disk may hold now.
  void LoseUnsynced(std::mt19937* random) {
    const auto image = vfs_.Image(random);
    for (const std::string& path : {disk_.database(), disk_.log(), disk_.database() + "-shm"}) {
      std::filesystem::remove(path);
    }
    for (const auto& [path, content] : image) WriteBytes(path, content);
  }

  // Opens what the power loss left, and checks that it is a prefix of what was attempted, with all
  // that was acknowledged.
  std::unique_ptr<Journal> OpenAndCheck() {
    vfs_.CutAt(0);
    auto opened = TryOpen();
    EXPECT_TRUE(opened.ok()) << opened.status();
    if (!opened.ok()) return nullptr;
    std::unique_ptr<Journal> journal = *std::move(opened);
    EXPECT_GE(journal->head_revision(), acknowledged_);
    EXPECT_LE(journal->head_revision(), attempted_);
    const int64_t compact = journal->compact_revision();
    EXPECT_GE(compact, compacted_);
    const auto entries = ReadAll(journal.get(), compact);
    EXPECT_TRUE(entries.ok()) << entries.status();
    if (!entries.ok()) return nullptr;
    EXPECT_EQ(Revisions(*entries), Range(compact + 1, journal->head_revision()));
    for (const Entry& entry : *entries) EXPECT_TRUE(IsGenuine(entry));
    acknowledged_ = attempted_ = journal->head_revision();
    compacted_ = compact;
    return journal;
  }

  PowerCutVfs vfs_;
  JournalOnDisk disk_;
  int64_t acknowledged_ = 0;
  int64_t attempted_ = 0;
  int64_t compacted_ = 0;
};

TEST_F(PowerLossTest, NoAcknowledgedEventIsLostByAPowerLossAtAnyWriteOrSync) {
  constexpr int kSteps = 20;
  const int seed = ::testing::UnitTest::GetInstance()->random_seed();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  disk_.Open().reset();
  const std::string made = disk_.Below("made");
  std::filesystem::rename(disk_.state_dir(), made);
  int64_t cut = 0;
  while (true) {
    ++cut;
    SCOPED_TRACE(absl::StrCat("cut at operation ", cut));
    std::filesystem::remove_all(disk_.state_dir());
    std::filesystem::copy(made, disk_.state_dir(), std::filesystem::copy_options::recursive);
    acknowledged_ = attempted_ = compacted_ = 0;
    vfs_.CutAt(cut);
    std::mt19937 work(static_cast<unsigned>(seed));
    std::mt19937 loss(static_cast<unsigned>(seed + cut));
    auto journal = TryOpen();
    if (journal.ok()) Work(journal->get(), &work, kSteps);
    if (!vfs_.is_cut()) break;
    if (journal.ok()) journal->reset();
    LoseUnsynced(&loss);
    OpenAndCheck();
    if (HasFailure()) return;
  }
  EXPECT_GT(cut, 100) << "the work has that many operations at least";
}

TEST_F(PowerLossTest, NoAcknowledgedEventIsLostByManyPowerLossesInARow) {
  const int seed = ::testing::UnitTest::GetInstance()->random_seed();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937 random(static_cast<unsigned>(seed));
  for (int round = 0; round < 150 && !HasFailure(); ++round) {
    SCOPED_TRACE(absl::StrCat("round ", round));
    vfs_.CutAt(1 + random() % 60);
    {
      const auto journal = TryOpen();
      if (journal.ok()) Work(journal->get(), &random, /*steps=*/1000);
    }
    ASSERT_TRUE(vfs_.is_cut());
    LoseUnsynced(&random);
    OpenAndCheck();
  }
}

}  // namespace
}  // namespace coordhub::journal
