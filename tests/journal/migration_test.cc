// Journals and backups of the release before.

#include <gtest/gtest.h>

#include <filesystem>
#include <random>

#include "hub/journal/manifest.h"
#include "hub/journal/store_key.h"
#include "tests/journal/format1.h"
#include "tests/support/child.h"

namespace coordhub::journal {
namespace {

class MigrationTest : public ::testing::Test {
 protected:
  void SetUp() override { MakeFormat1(disk_); }

  int64_t Query(const std::string& sql) { return QueryInt(disk_.database(), sql); }
  std::vector<StoreChange> Texts() {
    std::vector<StoreChange> texts;
    for (int64_t i = 0; i < 40; ++i) {
      texts.push_back(
          {Space::kText, KeyOf(i), std::string(100'000, static_cast<char>('a' + i % 26))});
    }
    return texts;
  }

  JournalOnDisk disk_;
};

TEST_F(MigrationTest, Format1BecomesThisFormatWhenItIsOpened) {
  auto journal = disk_.Open();
  ASSERT_NE(journal, nullptr);
  EXPECT_TRUE(journal->store_incomplete());
  EXPECT_EQ(Query("PRAGMA user_version"), kFormatVersion);
  EXPECT_EQ(Query("SELECT format FROM meta"), kFormatVersion);
  EXPECT_EQ(Query("SELECT count(*) FROM sqlite_schema WHERE name = 'pinned'"), 0);
  const std::string log_id = journal->identity().log_id;

  // It stays incomplete until somebody completes it.
  journal.reset();
  journal = disk_.Open();
  ASSERT_NE(journal, nullptr);
  EXPECT_TRUE(journal->store_incomplete());
  EXPECT_EQ(journal->identity().log_id, log_id);
  ASSERT_TRUE(journal->CompleteStore(Texts(), /*last=*/true).ok());
  journal.reset();
  journal = disk_.Open();
  EXPECT_FALSE(journal->store_incomplete());
  EXPECT_EQ(journal->store_size(Space::kText), (StoreSize{40, 4'000'000}));
  EXPECT_EQ(Revisions(*ReadAll(journal.get(), 2)), Range(3, 6));
}

TEST_F(MigrationTest, ANewJournalIsComplete) {
  JournalOnDisk other;
  EXPECT_FALSE(other.Open()->store_incomplete());
  EXPECT_FALSE(other.Open()->store_incomplete());
}

TEST_F(MigrationTest, ADamagedFormat1IsRefusedAndNotMigrated) {
  RunSql(disk_.database(), "UPDATE meta SET log_id = 'another'");
  EXPECT_EQ(Reason(disk_.TryOpen().status()), "JOURNAL_DAMAGED");
  EXPECT_EQ(Query("PRAGMA user_version"), 1);
}

TEST_F(MigrationTest, AKillAtAnyMomentOfItLosesNothing) {
  const int seed = ::testing::UnitTest::GetInstance()->random_seed();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937 random(static_cast<unsigned>(seed));
  int killed_incomplete = 0;
  for (int round = 0; round < 20; ++round) {
    std::filesystem::remove_all(disk_.state_dir());
    MakeFormat1(disk_);
    {
      test::ReportingChild child([&](int fd) {
        test::WriteLine(fd, "begins");
        const auto journal = disk_.TryOpen();
        if (!journal.ok()) return test::WriteLine(fd, std::string(journal.status().message()));
        test::WriteLine(fd, "open");
        for (const StoreChange& text : Texts()) {
          if (!(*journal)->CompleteStore({&text, 1}, /*last=*/false).ok()) return;
          test::WriteLine(fd, "put");
        }
        if ((*journal)->CompleteStore({}, /*last=*/true).ok()) test::WriteLine(fd, "complete");
        pause();
      });
      const unsigned lines = 1 + random() % 43;
      for (unsigned i = 0; i < lines; ++i) ASSERT_NE(child.ReadLine(), "");
      child.Kill();
    }
    const auto journal = disk_.Open();
    ASSERT_NE(journal, nullptr);
    if (journal->store_incomplete()) {
      ++killed_incomplete;
      ASSERT_TRUE(journal->CompleteStore(Texts(), /*last=*/true).ok());
    }
    EXPECT_EQ(journal->store_size(Space::kText), (StoreSize{40, 4'000'000}));
    EXPECT_EQ(*journal->VerifyStore([] { return absl::OkStatus(); }), 40);
    EXPECT_EQ(Revisions(*ReadAll(journal.get(), 2)), Range(3, 6));
    EXPECT_EQ(LoadNewest(journal.get(), 6).revision, 4);
  }
  EXPECT_GT(killed_incomplete, 0);
}

TEST_F(MigrationTest, ABackupOfFormat1IsRestored) {
  // As the release before wrote it.
  const std::string backup = disk_.Below("backup");
  std::filesystem::create_directories(backup + "/snapshots");
  std::filesystem::copy(disk_.database(), backup + "/journal.sqlite3");
  const std::string snapshot = "snapshots/00000000000000000004.snapshot";
  std::filesystem::copy(disk_.snapshot(4), backup + "/" + snapshot);
  Manifest manifest{1, "0.1.0", "910a2dec89025cc1beeb8da1658eec67", 6, 2, {}};
  ASSERT_TRUE(AddFile(backup, "journal.sqlite3", &manifest).ok());
  ASSERT_TRUE(AddFile(backup, snapshot, &manifest).ok());
  ASSERT_TRUE(WriteManifest(backup, manifest).ok());

  SqliteOptions options = disk_.Options();
  options.state_dir = disk_.Below("restored");
  const absl::Status restored = RestoreBackup(backup, options);
  ASSERT_TRUE(restored.ok()) << restored;
  const auto journal = OpenSqliteJournal(options);
  ASSERT_TRUE(journal.ok()) << journal.status();
  EXPECT_TRUE((*journal)->identity().restored);
  EXPECT_TRUE((*journal)->store_incomplete());
  EXPECT_EQ((*journal)->head_revision(), 6);
  EXPECT_EQ(Revisions(*ReadAll(journal->get(), 2)), Range(3, 6));
  EXPECT_EQ(LoadNewest(journal->get(), 6).revision, 4);
  ASSERT_TRUE((*journal)->CompleteStore(Texts(), /*last=*/true).ok());
}

TEST_F(MigrationTest, ABackupOfAnIncompleteStoreIsIncompleteToo) {
  const auto journal = disk_.Open();
  const StoreChange put{Space::kText, "a", "1"};
  ASSERT_TRUE(journal->CompleteStore({&put, 1}, /*last=*/false).ok());
  ASSERT_TRUE(journal->Backup(disk_.Below("backup")).ok());
  SqliteOptions options = disk_.Options();
  options.state_dir = disk_.Below("restored");
  ASSERT_TRUE(RestoreBackup(disk_.Below("backup"), options).ok());
  EXPECT_TRUE((*OpenSqliteJournal(options))->store_incomplete());
}

}  // namespace
}  // namespace coordhub::journal
