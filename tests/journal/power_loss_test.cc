// What was acknowledged is not lost by a power loss, on a disk that honours syncs: events,
// snapshots, and the names of the files that they are in.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "tests/journal/harness.h"
#include "tests/journal/power_cut_disk.h"
#include "tests/journal/raw_database.h"
#include "tests/journal/store_changes.h"

namespace coordhub::journal {
namespace {

// What must be found after a power loss.
struct Promise {
  std::string log_id;  // empty: no journal was acknowledged yet
  int64_t acknowledged = 0;
  int64_t attempted = 0;
  int64_t compacted = 0;
  int64_t snapshot = 0;
};

class PowerLossTest : public ::testing::Test {
 protected:
  static absl::StatusOr<std::unique_ptr<Journal>> TryOpen(JournalOnDisk* disk) {
    SqliteOptions options = disk->Options();
    options.checkpoint_bytes = 64 << 10;
    options.log_room_bytes = 48 << 10;
    return OpenSqliteJournal(options);
  }

  // Opens a journal, a new one at first, and appends, snapshots, compacts and checkpoints, while
  // the disk records; and notes what is promised after how many operations.
  std::unique_ptr<PowerCutDisk> Record(JournalOnDisk* disk, std::mt19937* random, int steps) {
    auto power = std::make_unique<PowerCutDisk>(disk->Below("."));
    promises_ = {{0, promise_}};
    auto journal = TryOpen(disk);
    EXPECT_TRUE(journal.ok()) << journal.status();
    if (journal.ok()) {
      promise_.log_id = (*journal)->identity().log_id;
      Note(*power);
      for (int step = 0; step < steps; ++step) {
        Append(journal->get(), *power, random);
        Maintain(journal->get(), (*random)() % 8);
        Note(*power);
      }
    }
    power->Stop();
    return power;
  }

  void Append(Journal* journal, const PowerCutDisk& power, std::mt19937* random) {
    const int64_t head = journal->head_revision();
    const int64_t last = head + 1 + (*random)() % 6;
    promise_.attempted = last;
    Note(power);
    std::vector<Entry> entries =
        MakeCommits(head + 1, last, 1 + (*random)() % 3, (*random)() % 5000);
    for (Entry& entry : entries) AddStoreChanges(&entry);
    const absl::Status appended = journal->Append(entries);
    ASSERT_TRUE(appended.ok()) << appended;
    promise_.acknowledged = last;
    Note(power);
  }

  void Maintain(Journal* journal, unsigned choice) {
    const int64_t head = journal->head_revision();
    if (choice < 4) {
      EXPECT_TRUE(journal->Checkpoint(/*force=*/choice == 3).ok());
    }
    if (choice == 4 || choice == 5) {
      EXPECT_TRUE(SaveSnapshot(journal, head).ok());
      promise_.snapshot = head;
    }
    if (choice == 4) {
      EXPECT_TRUE(journal->Compact(head).ok());
      promise_.compacted = head;
    }
  }

  void Note(const PowerCutDisk& power) { promises_.emplace_back(power.operations(), promise_); }

  // The promises that stood when the power went after `count` operations.
  const Promise& PromiseAfter(size_t count) const {
    const auto later = std::upper_bound(
        promises_.begin(), promises_.end(), count,
        [](size_t operations, const auto& promise) { return operations < promise.first; });
    return (later - 1)->second;
  }

  // Opens what a power loss left, and checks it against what was promised. Syncs nothing.
  void ExpectKept(JournalOnDisk* disk, const Promise& promise) {
    const PowerCutDisk fast(disk->Below("."));
    auto opened = TryOpen(disk);
    ASSERT_TRUE(opened.ok()) << opened.status();
    const std::unique_ptr<Journal> journal = *std::move(opened);
    const std::string log_id = journal->identity().log_id;
    EXPECT_TRUE(promise.log_id.empty() || promise.log_id == log_id) << log_id;
    const int64_t head = journal->head_revision();
    EXPECT_GE(head, promise.acknowledged);
    EXPECT_LE(head, promise.attempted);
    const int64_t compact = journal->compact_revision();
    EXPECT_GE(compact, promise.compacted);
    const auto entries = ReadAll(journal.get(), compact);
    ASSERT_TRUE(entries.ok()) << entries.status();
    EXPECT_EQ(Revisions(*entries), Range(compact + 1, head));
    for (const Entry& entry : *entries) EXPECT_TRUE(IsGenuine(entry));
    ExpectStoreAt(journal.get(), head);
    const LoadedSnapshot newest = LoadNewest(journal.get(), head);
    EXPECT_GE(newest.revision, promise.snapshot);
    EXPECT_TRUE(newest.notes.empty()) << newest.notes.front();
    EXPECT_TRUE(compact == 0 || LoadOldest(journal.get()) >= compact);
    promise_ = {log_id, head, head, compact, newest.revision};
  }

  Promise promise_;
  // What is promised after so many operations and no fewer.
  std::vector<std::pair<size_t, Promise>> promises_;
};

TEST_F(PowerLossTest, NoAcknowledgedEventIsLostByAPowerLossAtAnyWriteOrSync) {
  const int seed = ::testing::UnitTest::GetInstance()->random_seed();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937 random(static_cast<unsigned>(seed));
  JournalOnDisk disk;
  const auto power = Record(&disk, &random, /*steps=*/20);
  EXPECT_GT(power->operations(), 100u) << "the work has that many operations at least";
  for (size_t cut = 0; cut <= power->operations() && !HasFailure(); ++cut) {
    SCOPED_TRACE(absl::StrCat("cut after operation ", cut));
    JournalOnDisk after;
    power->Restore(cut, &random, after.Below("."));
    ExpectKept(&after, PromiseAfter(cut));
  }
}

TEST_F(PowerLossTest, NoAcknowledgedEventIsLostByManyPowerLossesInARow) {
  const int seed = ::testing::UnitTest::GetInstance()->random_seed();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937 random(static_cast<unsigned>(seed));
  auto disk = std::make_unique<JournalOnDisk>();
  for (int round = 0; round < 150 && !HasFailure(); ++round) {
    SCOPED_TRACE(absl::StrCat("round ", round));
    const auto power = Record(disk.get(), &random, /*steps=*/1 + static_cast<int>(random() % 4));
    const size_t cut = random() % (power->operations() + 1);
    disk = std::make_unique<JournalOnDisk>();
    power->Restore(cut, &random, disk->Below("."));
    ExpectKept(disk.get(), PromiseAfter(cut));
  }
  EXPECT_GT(promise_.compacted, 0);
}

// File by file: the name and what it holds.
std::map<std::string, std::string> FilesIn(const std::string& directory) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    if (entry.is_regular_file()) {
      files[entry.path().lexically_relative(directory)] = ReadBytes(entry.path());
    }
  }
  return files;
}

TEST_F(PowerLossTest, ABackupThatIsDoneIsNotLost) {
  const int seed = ::testing::UnitTest::GetInstance()->random_seed();
  std::mt19937 random(static_cast<unsigned>(seed));
  JournalOnDisk disk;
  const auto journal = disk.Open();
  ASSERT_NE(journal, nullptr);
  AppendUpTo(journal.get(), 20, /*size=*/2, /*padding=*/3000);
  ASSERT_TRUE(SaveSnapshot(journal.get(), 20).ok());
  PowerCutDisk power(disk.Below("."));
  ASSERT_TRUE(journal->Backup(disk.Below("backup")).ok());
  power.Stop();
  const auto made = FilesIn(disk.Below("backup"));
  ASSERT_GE(made.size(), 2u);
  for (int chance = 0; chance < 20 && !HasFailure(); ++chance) {
    SCOPED_TRACE(absl::StrCat("seed ", seed, ", chance ", chance));
    JournalOnDisk after;
    power.Restore(power.operations(), &random, after.Below("."));
    ASSERT_TRUE(std::filesystem::exists(after.Below("backup")));
    EXPECT_EQ(FilesIn(after.Below("backup")), made);
  }
}

}  // namespace
}  // namespace coordhub::journal
