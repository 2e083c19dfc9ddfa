// Backups are whole, and restoring one makes another log out of it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "hub/journal/manifest.h"
#include "tests/journal/harness.h"
#include "tests/journal/raw_database.h"
#include "tests/journal/store_changes.h"

namespace coordhub::journal {
namespace {

using ::testing::HasSubstr;

class BackupTest : public ::testing::Test {
 protected:
  BackupTest() { journal_ = disk_.Open(); }

  std::string backup() const { return disk_.Below("backup"); }

  SqliteOptions RestoreOptions() {
    SqliteOptions options = disk_.Options();
    options.state_dir = disk_.Below("restored");
    options.version = "4.5.6";
    return options;
  }
  absl::Status TryRestore() { return RestoreBackup(backup(), RestoreOptions()); }
  std::unique_ptr<Journal> OpenRestored() {
    auto journal = OpenSqliteJournal(RestoreOptions());
    EXPECT_TRUE(journal.ok()) << journal.status();
    return journal.ok() ? *std::move(journal) : nullptr;
  }
  std::unique_ptr<Journal> Restore() {
    const absl::Status status = TryRestore();
    EXPECT_TRUE(status.ok()) << status;
    return status.ok() ? OpenRestored() : nullptr;
  }

  JournalOnDisk disk_;
  std::unique_ptr<Journal> journal_;
};

TEST_F(BackupTest, RestoresTheSameEventsUnderANewLogId) {
  AppendUpTo(journal_.get(), 30, /*size=*/3);
  const auto info = journal_->Backup(backup());
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->revision, 30);
  EXPECT_GT(info->size_bytes, 4096);

  const auto restored = Restore();
  ASSERT_NE(restored, nullptr);
  EXPECT_EQ(restored->head_revision(), 30);
  EXPECT_NE(restored->identity().log_id, journal_->identity().log_id);
  EXPECT_EQ(restored->identity().log_id.size(), 32U);
  const auto before = ReadAll(journal_.get(), 0);
  const auto after = ReadAll(restored.get(), 0);
  ASSERT_TRUE(after.ok()) << after.status();
  ASSERT_EQ(after->size(), before->size());
  for (size_t i = 0; i < after->size(); ++i) {
    EXPECT_EQ((*after)[i].event_bytes, (*before)[i].event_bytes);
    EXPECT_EQ((*after)[i].private_bytes, (*before)[i].private_bytes);
    EXPECT_EQ((*after)[i].commit_revision, (*before)[i].commit_revision);
  }
}

TEST_F(BackupTest, TheRestoredLogSaysSoUntilItsSessionsWereEnded) {
  AppendUpTo(journal_.get(), 3);
  ASSERT_TRUE(journal_->Backup(backup()).ok());
  auto restored = Restore();
  EXPECT_TRUE(restored->identity().restored);
  const std::string log_id = restored->identity().log_id;
  restored.reset();
  restored = OpenRestored();
  EXPECT_TRUE(restored->identity().restored) << "a restart does not forget it";
  ASSERT_TRUE(restored->ClearRestored().ok());
  EXPECT_FALSE(restored->identity().restored);
  restored.reset();
  restored = OpenRestored();
  EXPECT_FALSE(restored->identity().restored);
  EXPECT_EQ(restored->identity().log_id, log_id);
  AppendUpTo(restored.get(), 5);
  EXPECT_EQ(Revisions(*ReadAll(restored.get(), 0)), Range(1, 5));
}

TEST_F(BackupTest, HoldsASnapshotWhenEventsWereCompacted) {
  AppendUpTo(journal_.get(), 40, /*size=*/2);
  ASSERT_TRUE(SaveSnapshot(journal_.get(), 20).ok());
  ASSERT_TRUE(SaveSnapshot(journal_.get(), 30).ok());
  ASSERT_TRUE(journal_->Compact(16).ok());
  ASSERT_TRUE(journal_->Backup(backup()).ok());

  const auto restored = Restore();
  EXPECT_EQ(restored->compact_revision(), 16);
  EXPECT_EQ(Revisions(*ReadAll(restored.get(), 16)), Range(17, 40));
  EXPECT_EQ(LoadNewest(restored.get(), 40).revision, 30);
  EXPECT_EQ(LoadOldest(restored.get()), 30);
}

TEST_F(BackupTest, TakesAnOlderSnapshotWhenTheNewestIsDamaged) {
  AppendUpTo(journal_.get(), 40);
  ASSERT_TRUE(SaveSnapshot(journal_.get(), 20).ok());
  ASSERT_TRUE(SaveSnapshot(journal_.get(), 30).ok());
  FlipBit(disk_.snapshot(30), 60);
  ASSERT_TRUE(journal_->Backup(backup()).ok());
  EXPECT_EQ(LoadNewest(Restore().get(), 40).revision, 20);
}

TEST_F(BackupTest, OfAnEmptyJournalRestores) {
  ASSERT_TRUE(journal_->Backup(backup()).ok());
  EXPECT_EQ(Restore()->head_revision(), 0);
}

TEST_F(BackupTest, MadeWhileTheWriterGoesOnIsAPrefixOfTheLog) {
  // Changes of the store with every event: a backup has those up to its revision, and no later one.
  const auto append = [this](int64_t last) {
    std::vector<Entry> entries = MakeCommits(journal_->head_revision() + 1, last, /*size=*/4);
    for (Entry& entry : entries) AddStoreChanges(&entry);
    ASSERT_TRUE(journal_->Append(entries).ok());
  };
  append(2000);
  ASSERT_TRUE(SaveSnapshot(journal_.get(), 2000).ok());
  std::atomic<bool> done = false;
  std::thread writer([&] {
    while (!done) {
      const int64_t head = journal_->head_revision();
      append(head + 40);
      ASSERT_TRUE(SaveSnapshot(journal_.get(), head + 40).ok());
      ASSERT_TRUE(journal_->Compact(head).ok());
      ASSERT_TRUE(journal_->Checkpoint(/*force=*/false).ok());
    }
  });
  for (int round = 0; round < 4; ++round) {
    std::filesystem::remove_all(backup());
    std::filesystem::remove_all(disk_.Below("restored"));
    const int64_t head_before = journal_->head_revision();
    const auto info = journal_->Backup(backup());
    EXPECT_TRUE(info.ok()) << info.status();
    if (!info.ok()) break;
    EXPECT_GE(info->revision, head_before);
    const auto restored = Restore();
    if (restored == nullptr) break;
    EXPECT_EQ(restored->head_revision(), info->revision);
    const int64_t compact = restored->compact_revision();
    EXPECT_EQ(Revisions(*ReadAll(restored.get(), compact)), Range(compact + 1, info->revision));
    EXPECT_GE(LoadOldest(restored.get()), compact);
    ExpectStoreAt(restored.get(), info->revision);
  }
  done = true;
  writer.join();
}

TEST_F(BackupTest, NeedsANewDirectoryAndAnAbsolutePath) {
  AppendUpTo(journal_.get(), 3);
  ASSERT_EQ(mkdir(backup().c_str(), 0700), 0);
  for (const std::string& directory :
       {backup(), std::string("backup"), std::string(), disk_.Below("no/such/parent")}) {
    const absl::Status status = journal_->Backup(directory).status();
    EXPECT_EQ(Reason(status), "INVALID_FIELD") << directory << ": " << status;
    EXPECT_EQ(base::MetadataOf(status, "field"), "directory");
  }
}

TEST_F(BackupTest, OfADamagedJournalFailsNamingTheRevisionAndLeavesNothing) {
  AppendUpTo(journal_.get(), 30);
  journal_.reset();
  RunSql(disk_.database(), "UPDATE events SET event = x'00' WHERE revision = 17");
  journal_ = disk_.Open();
  const absl::Status status = journal_->Backup(backup()).status();
  EXPECT_EQ(Reason(status), "JOURNAL_DAMAGED") << status;
  EXPECT_EQ(base::MetadataOf(status, "revision"), "17");
  EXPECT_FALSE(std::filesystem::exists(backup()));
}

TEST_F(BackupTest, ADamagedOneIsRefusedAndRestoresNothing) {
  AppendUpTo(journal_.get(), 30);
  ASSERT_TRUE(SaveSnapshot(journal_.get(), 20).ok());
  ASSERT_TRUE(journal_->Backup(backup()).ok());
  const std::string files[] = {"/journal.sqlite3", "/snapshots/00000000000000000020.snapshot"};
  for (const std::string& file : files) {
    const std::string whole = ReadBytes(backup() + file);
    FlipBit(backup() + file, whole.size() / 2);
    absl::Status status = TryRestore();
    EXPECT_EQ(Reason(status), "JOURNAL_DAMAGED") << status;
    EXPECT_EQ(base::MetadataOf(status, "file"), backup() + file);

    std::filesystem::remove(backup() + file);
    status = TryRestore();
    EXPECT_EQ(Reason(status), "JOURNAL_DAMAGED") << status;
    EXPECT_FALSE(std::filesystem::exists(disk_.Below("restored/journal.sqlite3")));
    WriteBytes(backup() + file, whole);
  }
  EXPECT_NE(Restore(), nullptr);
}

TEST_F(BackupTest, AManifestThatWasChangedToFitIsNotBelieved) {
  AppendUpTo(journal_.get(), 30);
  ASSERT_TRUE(journal_->Backup(backup()).ok());
  // The database of a backup at an earlier revision, with its right size and hash.
  JournalOnDisk other;
  const auto journal = other.Open();
  AppendUpTo(journal.get(), 10);
  ASSERT_TRUE(journal->Backup(other.Below("backup")).ok());
  const std::string manifest = ReadBytes(other.Below("backup/manifest.json"));
  WriteBytes(backup() + "/journal.sqlite3", ReadBytes(other.Below("backup/journal.sqlite3")));
  std::string changed = manifest;
  changed.replace(changed.find("\"revision\": 10"), 14, "\"revision\": 30");
  WriteBytes(backup() + "/manifest.json", changed);
  EXPECT_EQ(Reason(TryRestore()), "JOURNAL_DAMAGED");
  EXPECT_FALSE(std::filesystem::exists(disk_.Below("restored/journal.sqlite3")));
  EXPECT_FALSE(std::filesystem::exists(disk_.Below("restored/restoring")));
}

TEST_F(BackupTest, ADamagedRowOfTheStoreIsNotRestoredThoughTheHashFits) {
  std::vector<Entry> entries = MakeCommits(1, 30, /*size=*/1);
  for (Entry& entry : entries) AddStoreChanges(&entry);
  ASSERT_TRUE(journal_->Append(entries).ok());
  ASSERT_TRUE(journal_->Backup(backup()).ok());
  RunSql(backup() + "/journal.sqlite3", "UPDATE store SET value = x'00' WHERE revision = 17");
  Manifest manifest{kFormatVersion, "1.2.3", journal_->identity().log_id, 30, 0, {}};
  ASSERT_TRUE(AddFile(backup(), "journal.sqlite3", &manifest).ok());
  ASSERT_TRUE(WriteManifest(backup(), manifest).ok());
  const absl::Status status = TryRestore();
  EXPECT_EQ(Reason(status), "JOURNAL_DAMAGED") << status;
  EXPECT_EQ(base::MetadataOf(status, "revision"), "17");
  EXPECT_FALSE(std::filesystem::exists(disk_.Below("restored/journal.sqlite3")));
}

TEST_F(BackupTest, OnlyFilesOfABackupAreEverRead) {
  AppendUpTo(journal_.get(), 3);
  ASSERT_TRUE(journal_->Backup(backup()).ok());
  const std::string whole = ReadBytes(backup() + "/manifest.json");
  for (const std::string name : {"../state/journal.sqlite3", "/etc/passwd", "snapshots/../../x",
                                 "snapshots/0000000000000000002x.snapshot", "other"}) {
    std::string manifest = whole;
    const std::string known = "\"journal.sqlite3\"";
    manifest.replace(manifest.find(known), known.size(), absl::StrCat("\"", name, "\""));
    WriteBytes(backup() + "/manifest.json", manifest);
    EXPECT_EQ(Reason(TryRestore()), "JOURNAL_DAMAGED") << name;
  }
  for (const std::string text : {"", "{", "[]", "{\"format\": \"1\"}", "{\"format\": 1}"}) {
    WriteBytes(backup() + "/manifest.json", text);
    EXPECT_EQ(Reason(TryRestore()), "JOURNAL_DAMAGED") << text;
  }
}

TEST_F(BackupTest, WhatIsNoBackupIsRefused) {
  ASSERT_EQ(mkdir(backup().c_str(), 0700), 0);
  const absl::Status status = TryRestore();
  EXPECT_EQ(Reason(status), "INVALID_FIELD") << status;
  EXPECT_EQ(base::MetadataOf(status, "field"), "backup");
}

TEST_F(BackupTest, ANewerOneIsRefusedNamingItsWriter) {
  AppendUpTo(journal_.get(), 3);
  ASSERT_TRUE(journal_->Backup(backup()).ok());
  WriteBytes(backup() + "/manifest.json", absl::StrCat("{\"format\": ", kFormatVersion + 1,
                                                       R"(, "written_by": "9.8.7", "more": []})"));
  const absl::Status status = TryRestore();
  EXPECT_EQ(Reason(status), "JOURNAL_TOO_NEW") << status;
  EXPECT_EQ(base::MetadataOf(status, "written_by"), "9.8.7");
}

TEST_F(BackupTest, IsNeverRestoredOverAJournal) {
  AppendUpTo(journal_.get(), 3);
  ASSERT_TRUE(journal_->Backup(backup()).ok());
  absl::Status status = RestoreBackup(backup(), disk_.Options());
  EXPECT_EQ(Reason(status), "WORKSPACE_LOCKED") << status;
  journal_.reset();
  status = RestoreBackup(backup(), disk_.Options());
  EXPECT_EQ(Reason(status), "STATE_DIR_UNUSABLE") << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("holds a journal"));
}

TEST_F(BackupTest, IsNeverRestoredOverTheRemainsOfAJournal) {
  AppendUpTo(journal_.get(), 3);
  ASSERT_TRUE(SaveSnapshot(journal_.get(), 3).ok());
  ASSERT_TRUE(journal_->Backup(backup()).ok());
  journal_.reset();
  std::filesystem::remove(disk_.database());
  std::filesystem::remove(disk_.log());
  EXPECT_EQ(Reason(RestoreBackup(backup(), disk_.Options())), "STATE_DIR_UNUSABLE");
  EXPECT_TRUE(std::filesystem::exists(disk_.snapshot(3)));
}

TEST_F(BackupTest, AnInterruptedRestoreIsNeverStartedFromAndCanBeRepeated) {
  AppendUpTo(journal_.get(), 30);
  ASSERT_TRUE(SaveSnapshot(journal_.get(), 20).ok());
  ASSERT_TRUE(journal_->Backup(backup()).ok());
  // As after a crash before the last rename.
  ASSERT_NE(Restore(), nullptr);
  const std::string restored = disk_.Below("restored");
  ASSERT_EQ(mkdir((restored + "/restoring").c_str(), 0700), 0);
  std::filesystem::rename(restored + "/journal.sqlite3", restored + "/restoring/journal.sqlite3");
  std::filesystem::remove(restored + "/journal.sqlite3-wal");
  EXPECT_EQ(Reason(OpenSqliteJournal(RestoreOptions()).status()), "JOURNAL_DAMAGED");

  const auto journal = Restore();
  ASSERT_NE(journal, nullptr);
  EXPECT_EQ(journal->head_revision(), 30);
  EXPECT_FALSE(std::filesystem::exists(restored + "/restoring"));
}

TEST_F(BackupTest, ARestoreThatWasInterruptedAfterTheLastRenameIsComplete) {
  AppendUpTo(journal_.get(), 30);
  ASSERT_TRUE(journal_->Backup(backup()).ok());
  ASSERT_TRUE(TryRestore().ok());
  ASSERT_EQ(mkdir(disk_.Below("restored/restoring").c_str(), 0700), 0);
  EXPECT_EQ(OpenRestored()->head_revision(), 30);
  EXPECT_FALSE(std::filesystem::exists(disk_.Below("restored/restoring")));
}

}  // namespace
}  // namespace coordhub::journal
