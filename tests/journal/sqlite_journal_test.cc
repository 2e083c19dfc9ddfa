// What is special about the journal on disk: who may open it, where it may stand, how it keeps its
// files.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <filesystem>

#include "hub/journal/file_system.h"
#include "tests/journal/harness.h"
#include "tests/journal/raw_database.h"
#include "tests/support/child.h"

namespace coordhub::journal {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

unsigned ModeOf(const std::string& path) {
  struct stat info {};
  EXPECT_EQ(lstat(path.c_str(), &info), 0) << path;
  return info.st_mode & 0777U;
}

class SqliteJournalTest : public ::testing::Test {
 protected:
  JournalOnDisk disk_;
  std::unique_ptr<Journal> journal_;
};

TEST_F(SqliteJournalTest, ReopeningFindsEverything) {
  journal_ = disk_.Open();
  const std::string log_id = journal_->identity().log_id;
  AppendUpTo(journal_.get(), 20, /*size=*/2);
  ASSERT_TRUE(SaveSnapshot(journal_.get(), 16).ok());
  ASSERT_TRUE(journal_->Compact(8).ok());
  for (int round = 0; round < 3; ++round) {
    journal_.reset();
    journal_ = disk_.Open();
    ASSERT_NE(journal_, nullptr);
    EXPECT_EQ(journal_->identity().log_id, log_id);
    EXPECT_EQ(journal_->head_revision(), 20 + round);
    EXPECT_EQ(journal_->compact_revision(), 8);
    EXPECT_EQ(Revisions(*ReadAll(journal_.get(), 8)), Range(9, 20 + round));
    EXPECT_EQ(LoadNewest(journal_.get(), 20).revision, 16);
    AppendUpTo(journal_.get(), 21 + round);
    // Also when nothing is left in the write-ahead log.
    ASSERT_TRUE(journal_->Checkpoint(/*force=*/round == 1).ok());
  }
}

TEST_F(SqliteJournalTest, EverythingItMakesIsPrivate) {
  journal_ = disk_.Open();
  AppendUpTo(journal_.get(), 3);
  ASSERT_TRUE(SaveSnapshot(journal_.get(), 3).ok());
  EXPECT_EQ(ModeOf(disk_.state_dir()), 0700U);
  int files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(disk_.state_dir())) {
    EXPECT_EQ(ModeOf(entry.path()), entry.is_directory() ? 0700U : 0600U) << entry.path();
    if (!entry.is_directory()) ++files;
  }
  EXPECT_EQ(files, 5) << "database, its log and index, lock, snapshot";
}

TEST_F(SqliteJournalTest, FilesThatWereOpenToOthersAreClosedToThem) {
  disk_.Open().reset();
  ASSERT_EQ(chmod(disk_.database().c_str(), 0644), 0);
  journal_ = disk_.Open();
  EXPECT_EQ(ModeOf(disk_.database()), 0600U);
}

TEST_F(SqliteJournalTest, RefusesADirectoryThatIsNotPrivate) {
  ASSERT_EQ(mkdir(disk_.state_dir().c_str(), 0755), 0);
  ASSERT_EQ(chmod(disk_.state_dir().c_str(), 0755), 0);
  const absl::Status status = disk_.TryOpen().status();
  EXPECT_EQ(Reason(status), "STATE_DIR_UNUSABLE") << status;
  EXPECT_EQ(base::MetadataOf(status, "path"), disk_.state_dir());
  EXPECT_THAT(std::string(status.message()), HasSubstr("755"));
}

TEST_F(SqliteJournalTest, RefusesWhatIsNoDirectory) {
  WriteBytes(disk_.state_dir(), "a file");
  EXPECT_EQ(Reason(disk_.TryOpen().status()), "STATE_DIR_UNUSABLE");
  std::filesystem::remove(disk_.state_dir());
  ASSERT_EQ(mkdir(disk_.Below("elsewhere").c_str(), 0700), 0);
  std::filesystem::create_symlink(disk_.Below("elsewhere"), disk_.state_dir());
  EXPECT_EQ(Reason(disk_.TryOpen().status()), "STATE_DIR_UNUSABLE") << "a symbolic link";
}

TEST_F(SqliteJournalTest, RefusesARelativePath) {
  SqliteOptions options = disk_.Options();
  options.state_dir = "state";
  EXPECT_EQ(Reason(OpenSqliteJournal(options).status()), "STATE_DIR_UNUSABLE");
}

TEST_F(SqliteJournalTest, RefusesASymbolicLinkInPlaceOfTheDatabase) {
  disk_.Open().reset();
  std::filesystem::rename(disk_.database(), disk_.Below("elsewhere"));
  std::filesystem::create_symlink(disk_.Below("elsewhere"), disk_.database());
  EXPECT_EQ(Reason(disk_.TryOpen().status()), "STATE_DIR_UNUSABLE");
}

TEST_F(SqliteJournalTest, WorksBelowADirectoryThatIsASymbolicLink) {
  ASSERT_EQ(mkdir(disk_.Below("real").c_str(), 0700), 0);
  std::filesystem::create_directory_symlink(disk_.Below("real"), disk_.Below("link"));
  SqliteOptions options = disk_.Options();
  options.state_dir = disk_.Below("link/state");
  const auto journal = OpenSqliteJournal(options);
  ASSERT_TRUE(journal.ok()) << journal.status();
  AppendUpTo(journal->get(), 3);
  EXPECT_EQ(Revisions(*ReadAll(journal->get(), 0)), Range(1, 3));
}

TEST(StateDirectory, NetworkFileSystemsAreToldFromLocalOnes) {
  const std::pair<int64_t, const char*> magics[] = {
      {0x6969, "NFS"},
      {0x517B, "SMB"},
      {0xFE534D42, "SMB"},
      {0xFF534D42, "CIFS"},
      {0x01021997, "9p"},
      {0x00C36400, "Ceph"},
      {0xEF53, ""},
      {0x9123683E, ""},
      {0x58465342, ""},
      {0x01021994, ""},
      {0x65735546, ""},
      {0x794C7630, ""},
      // As a 32-bit kernel sign-extends it.
      {-11317950, "CIFS"},
  };
  for (const auto& [magic, name] : magics) {
    EXPECT_EQ(NetworkFileSystemName(magic), name) << std::hex << magic;
  }
}

TEST_F(SqliteJournalTest, ASecondHubIsRefusedAndToldWhoHoldsTheJournal) {
  test::ReportingChild holder([this](int fd) {
    const auto journal = disk_.TryOpen();
    test::WriteLine(fd, journal.ok() ? "open" : std::string(journal.status().message()));
    pause();
  });
  ASSERT_EQ(holder.ReadLine(), "open");
  const absl::Status status = disk_.TryOpen().status();
  EXPECT_EQ(Reason(status), "WORKSPACE_LOCKED") << status;
  EXPECT_EQ(base::MetadataOf(status, "pid"), absl::StrCat(holder.pid()));
  EXPECT_EQ(base::MetadataOf(status, "lock"), disk_.state_dir() + "/lock");

  holder.Kill();
  EXPECT_NE(disk_.Open(), nullptr) << "death gives the lock back";
}

TEST_F(SqliteJournalTest, ASecondJournalOfTheSameProcessIsRefusedToo) {
  journal_ = disk_.Open();
  const absl::Status status = disk_.TryOpen().status();
  EXPECT_EQ(Reason(status), "WORKSPACE_LOCKED");
  EXPECT_EQ(base::MetadataOf(status, "pid"), absl::StrCat(getpid()));
  journal_.reset();
  EXPECT_EQ(ReadBytes(disk_.state_dir() + "/lock"), "") << "nobody holds it";
  EXPECT_NE(disk_.Open(), nullptr);
}

TEST_F(SqliteJournalTest, AProgramStartedMeanwhileDoesNotKeepTheLock) {
  journal_ = disk_.Open();
  int input[2];
  int output[2];
  ASSERT_EQ(pipe2(input, O_CLOEXEC), 0);
  ASSERT_EQ(pipe2(output, O_CLOEXEC), 0);
  test::Child cat =
      test::Child::Executing({"cat"}, {{input[0], STDIN_FILENO}, {output[1], STDOUT_FILENO}});
  char byte = 'x';
  ASSERT_EQ(write(input[1], &byte, 1), 1);
  ASSERT_EQ(read(output[0], &byte, 1), 1) << "the program runs";
  journal_.reset();
  const absl::Status reopened = disk_.TryOpen().status();
  for (const int fd : {input[0], input[1], output[0], output[1]}) close(fd);
  cat.Wait();
  EXPECT_TRUE(reopened.ok()) << reopened;
}

TEST_F(SqliteJournalTest, ThePidOfADeadProcessIsNotNamed) {
  disk_.Open().reset();
  const std::string lock = disk_.state_dir() + "/lock";
  test::ReportingChild holder([&](int fd) {
    // As between taking the lock and writing the pid, after a hub was killed.
    const int locked = open(lock.c_str(), O_RDWR);
    test::WriteLine(fd, flock(locked, LOCK_EX | LOCK_NB) == 0 ? "locked" : "not locked");
    pause();
  });
  ASSERT_EQ(holder.ReadLine(), "locked");
  test::Child dead = test::Child::Idle();
  dead.Kill();
  WriteBytes(lock, absl::StrCat(dead.pid(), "\n"));
  const absl::Status status = disk_.TryOpen().status();
  EXPECT_EQ(Reason(status), "WORKSPACE_LOCKED");
  EXPECT_EQ(base::MetadataOf(status, "pid"), "");
}

TEST_F(SqliteJournalTest, ANewerFormatIsRefusedNamingItsWriterAndLeftAlone) {
  disk_.Open().reset();
  RunSql(disk_.database(),
         absl::StrCat("PRAGMA user_version=", kFormatVersion + 1,
                      "; UPDATE meta SET format=", kFormatVersion + 1, ", written_by='9.8.7';",
                      "ALTER TABLE meta ADD COLUMN more TEXT"));
  const std::string before = ReadBytes(disk_.database());
  const absl::Status status = disk_.TryOpen().status();
  EXPECT_EQ(Reason(status), "JOURNAL_TOO_NEW") << status;
  EXPECT_EQ(base::MetadataOf(status, "format"), absl::StrCat(kFormatVersion + 1));
  EXPECT_EQ(base::MetadataOf(status, "written_by"), "9.8.7");
  EXPECT_EQ(base::MetadataOf(status, "file"), disk_.database());
  EXPECT_EQ(ReadBytes(disk_.database()), before);
}

TEST_F(SqliteJournalTest, AnotherDatabaseIsNotTakenForAJournal) {
  disk_.Open().reset();
  std::filesystem::remove(disk_.database());
  RunSql(disk_.database(), "CREATE TABLE contacts(name TEXT)");
  const absl::Status status = disk_.TryOpen().status();
  EXPECT_EQ(Reason(status), "JOURNAL_DAMAGED") << status;
  EXPECT_EQ(base::MetadataOf(status, "file"), disk_.database());
}

TEST_F(SqliteJournalTest, WhatACrashLeftIsRemoved) {
  disk_.Open().reset();
  const std::string built = disk_.database() + ".new";
  const std::string snapshot = disk_.state_dir() + "/snapshots/.00000000000000000007.snapshot.tmp";
  WriteBytes(snapshot, "half a snapshot");
  WriteBytes(built, "half a database");
  journal_ = disk_.Open();
  EXPECT_FALSE(std::filesystem::exists(snapshot));
  journal_.reset();
  std::filesystem::remove(disk_.database());
  std::filesystem::remove(disk_.log());
  journal_ = disk_.Open();
  EXPECT_FALSE(std::filesystem::exists(built));
  EXPECT_EQ(journal_->head_revision(), 0);
}

TEST_F(SqliteJournalTest, TheLogIsWrittenBackWhenItHasGrown) {
  SqliteOptions options = disk_.Options();
  options.checkpoint_bytes = 256 << 10;
  journal_ = *OpenSqliteJournal(options);
  const auto reader = journal_->NewReader();
  for (int i = 0; i < 60; ++i) {
    AppendUpTo(journal_.get(), journal_->head_revision() + 10, /*size=*/5, /*padding=*/4000);
    ASSERT_TRUE(journal_->Checkpoint(/*force=*/false).ok());
    std::vector<Entry> entries;
    ASSERT_TRUE(reader->Read(0, 10, SIZE_MAX, &entries).ok());
  }
  EXPECT_LT(FileSize(disk_.log()), 512 << 10) << "2.4 MB were appended";
  EXPECT_GT(FileSize(disk_.database()), 1 << 20);
  EXPECT_EQ(Revisions(*ReadAll(journal_.get(), 0)), Range(1, 600));
}

TEST_F(SqliteJournalTest, TheLogNeedNotGrowUntilItsRoomIsUsedUp) {
  SqliteOptions options = disk_.Options();
  options.log_room_bytes = 256 << 10;
  journal_ = *OpenSqliteJournal(options);
  EXPECT_EQ(FileSize(disk_.log()), 256 << 10);
  AppendUpTo(journal_.get(), 40);
  EXPECT_EQ(FileSize(disk_.log()), 256 << 10);
  const std::string log = ReadBytes(disk_.log());
  EXPECT_NE(log.find("event 40 "), std::string::npos) << "the room is used";
  journal_.reset();
  journal_ = *OpenSqliteJournal(options);
  EXPECT_EQ(Revisions(*ReadAll(journal_.get(), 0)), Range(1, 40));
}

TEST_F(SqliteJournalTest, AForcedCheckpointEmptiesTheLog) {
  journal_ = disk_.Open();
  AppendUpTo(journal_.get(), 10);
  EXPECT_GT(FileSize(disk_.log()), 0);
  ASSERT_TRUE(journal_->Checkpoint(/*force=*/true).ok());
  EXPECT_EQ(FileSize(disk_.log()), 0);
}

TEST_F(SqliteJournalTest, AReaderThatStaysInTheMiddleHoldsUpNothing) {
  journal_ = disk_.Open();
  AppendUpTo(journal_.get(), 10);
  sqlite3* outsider = nullptr;
  ASSERT_EQ(sqlite3_open_v2(disk_.database().c_str(), &outsider, SQLITE_OPEN_READONLY, nullptr),
            SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(outsider, "BEGIN; SELECT count(*) FROM events", nullptr, nullptr, nullptr),
            SQLITE_OK);
  AppendUpTo(journal_.get(), 20);
  EXPECT_TRUE(journal_->Checkpoint(/*force=*/true).ok());
  AppendUpTo(journal_.get(), 30);
  EXPECT_EQ(Revisions(*ReadAll(journal_.get(), 0)), Range(1, 30));
  sqlite3_close(outsider);
}

TEST_F(SqliteJournalTest, CompactedEventsAreDeletedSomeAtATimeAndAcrossRestarts) {
  journal_ = disk_.Open();
  AppendUpTo(journal_.get(), 20000);
  ASSERT_TRUE(SaveSnapshot(journal_.get(), 20000).ok());
  ASSERT_EQ(*journal_->Compact(15000), 15000);
  const auto rows = [this] { return QueryInt(disk_.database(), "SELECT count(*) FROM events"); };
  EXPECT_EQ(rows(), 20000) << "the mark moves at once";
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(journal_->Checkpoint(/*force=*/false).ok());
  EXPECT_LT(rows(), 20000);
  EXPECT_GT(rows(), 5000);

  journal_.reset();
  journal_ = disk_.Open();
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(journal_->Checkpoint(/*force=*/false).ok());
  EXPECT_EQ(rows(), 5000);
  EXPECT_EQ(Revisions(*ReadAll(journal_.get(), 15000)), Range(15001, 20000));
  std::vector<Entry> entries;
  EXPECT_EQ(Reason(journal_->NewReader()->Read(14999, 1, SIZE_MAX, &entries)),
            "REVISION_COMPACTED");
}

TEST_F(SqliteJournalTest, OldSnapshotsAreRemovedFromTheDisk) {
  journal_ = disk_.Open();
  AppendUpTo(journal_.get(), 40);
  for (const int64_t revision : {10, 20, 30, 40}) {
    ASSERT_TRUE(SaveSnapshot(journal_.get(), revision).ok());
  }
  EXPECT_FALSE(std::filesystem::exists(disk_.snapshot(10)));
  EXPECT_FALSE(std::filesystem::exists(disk_.snapshot(20)));
  EXPECT_TRUE(std::filesystem::exists(disk_.snapshot(30)));
  EXPECT_TRUE(std::filesystem::exists(disk_.snapshot(40)));
}

}  // namespace
}  // namespace coordhub::journal
