// A damaged journal is refused, saying what is damaged and where. It is never read as if it were
// whole.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "hub/journal/file_system.h"
#include "tests/journal/harness.h"
#include "tests/journal/raw_database.h"

namespace coordhub::journal {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int64_t kHead = 40;

class DamageTest : public ::testing::Test {
 protected:
  // Events 1 to 40 in commits of two, snapshots at 20 and 30, compacted to 10, all of it in
  // the main file.
  void SetUp() override {
    const auto journal = disk_.Open();
    AppendUpTo(journal.get(), kHead, /*size=*/2);
    ASSERT_TRUE(SaveSnapshot(journal.get(), 20).ok());
    ASSERT_TRUE(SaveSnapshot(journal.get(), 30).ok());
    ASSERT_TRUE(journal->Compact(10).ok());
    // The first one deletes what was compacted, in the log again.
    ASSERT_TRUE(journal->Checkpoint(/*force=*/true).ok());
    ASSERT_TRUE(journal->Checkpoint(/*force=*/true).ok());
  }

  // Opens the journal and reads all of it.
  absl::Status OpenAndRead() {
    const auto journal = disk_.TryOpen();
    if (!journal.ok()) return journal.status();
    const auto reader = (*journal)->NewReader();
    const auto entries = ReadAll(reader.get(), 10);
    if (!entries.ok()) return entries.status();
    EXPECT_EQ(Revisions(*entries), Range(11, kHead));
    for (const Entry& entry : *entries) EXPECT_TRUE(IsGenuine(entry));
    return absl::OkStatus();
  }

  JournalOnDisk disk_;
};

TEST_F(DamageTest, TheFixtureIsWhole) { EXPECT_TRUE(OpenAndRead().ok()); }

struct Mishap {
  const char* name;
  const char* sql;
  // The revision named; nullptr: none.
  const char* revision;
};

class TableDamageTest : public DamageTest, public ::testing::WithParamInterface<Mishap> {};

std::string NameOf(const ::testing::TestParamInfo<Mishap>& mishap) { return mishap.param.name; }

INSTANTIATE_TEST_SUITE_P(
    Mishaps, TableDamageTest,
    ::testing::Values(
        Mishap{"EventChanged", "UPDATE events SET event = x'00' WHERE revision = 17", "17"},
        Mishap{"PrivateChanged", "UPDATE events SET private = x'00' WHERE revision = 17", "17"},
        Mishap{"PrivateRemoved", "UPDATE events SET private = NULL WHERE revision = 17", "17"},
        Mishap{"BytesMovedBetweenColumns",
               "UPDATE events SET event = CAST(event || private AS BLOB), private = NULL WHERE "
               "revision = 17",
               "17"},
        Mishap{"CommitRevisionChanged",
               "UPDATE events SET commit_revision = 17 WHERE revision = 17", "17"},
        Mishap{"ChecksumChanged",
               "UPDATE events SET checksum = x'0011223344556677' "
               "WHERE revision = 17",
               "17"},
        Mishap{"ChecksumShortened", "UPDATE events SET checksum = x'00' WHERE revision = 17", "17"},
        Mishap{"EventRemoved", "DELETE FROM events WHERE revision = 17", "17"},
        Mishap{"CommitRemoved", "DELETE FROM events WHERE revision IN (17, 18)", "17"},
        Mishap{"FirstKeptEventRemoved", "DELETE FROM events WHERE revision = 11", "11"},
        Mishap{"EventsSwapped",
               "UPDATE events SET revision = -17 WHERE revision = 17;"
               "UPDATE events SET revision = 17 WHERE revision = 19;"
               "UPDATE events SET revision = 19 WHERE revision = -17",
               "17"},
        Mishap{"LastEventChanged", "UPDATE events SET event = x'00' WHERE revision = 40", "40"},
        Mishap{"LastEventOfACommitRemoved", "DELETE FROM events WHERE revision = 40", "39"},
        Mishap{"LastEventsRemovedBelowASnapshot", "DELETE FROM events WHERE revision > 28", "29"},
        Mishap{"AllEventsRemoved", "DELETE FROM events", "11"},
        Mishap{"LastButOneRemoved", "DELETE FROM events WHERE revision = 39", "39"},
        Mishap{"EventForgedAtTheEnd",
               "INSERT INTO events VALUES(41, 41, x'00', NULL, x'0011223344556677')", "41"},
        Mishap{"CompactRevisionMoved", "UPDATE meta SET compact_revision = 12", nullptr},
        Mishap{"LogIdChanged", "UPDATE meta SET log_id = 'another'", nullptr},
        Mishap{"RestoredChanged", "UPDATE meta SET restored = 1", nullptr},
        Mishap{"MetaRemoved", "DELETE FROM meta", nullptr},
        Mishap{"FormatChangedInOnePlace", "PRAGMA user_version = 2", nullptr},
        Mishap{"ApplicationChanged", "PRAGMA application_id = 1", nullptr},
        Mishap{"TableRemoved", "DROP TABLE store_index", nullptr}),
    NameOf);

TEST_P(TableDamageTest, IsFoundAndNamed) {
  RunSql(disk_.database(), GetParam().sql);
  const absl::Status status = OpenAndRead();
  EXPECT_EQ(Reason(status), "JOURNAL_DAMAGED") << status;
  EXPECT_EQ(base::MetadataOf(status, "file"), disk_.database());
  EXPECT_EQ(base::MetadataOf(status, "revision"),
            GetParam().revision == nullptr ? "" : GetParam().revision);
}

TEST_F(DamageTest, AFlippedBitInAnEventIsFoundAtItsRevision) {
  for (const int64_t revision : {int64_t{11}, int64_t{25}, kHead}) {
    const std::string whole = ReadBytes(disk_.database());
    // All copies of it: SQLite leaves old ones where pages were split.
    std::string changed = whole;
    const std::string text = absl::StrCat("event ", revision, " ");
    for (size_t at = 0; (at = changed.find(text, at)) != std::string::npos;) changed[at] ^= 1;
    ASSERT_NE(changed, whole);
    WriteBytes(disk_.database(), changed);
    const absl::Status status = OpenAndRead();
    EXPECT_EQ(Reason(status), "JOURNAL_DAMAGED") << status;
    EXPECT_EQ(base::MetadataOf(status, "revision"), absl::StrCat(revision));
    std::filesystem::remove(disk_.log());
    WriteBytes(disk_.database(), whole);
  }
}

// With one bit changed, the journal is refused naming what is wrong, or all of it is read as it was
// written: bits in free space and some of the header mean nothing.
class BitFlipTest : public DamageTest {
 protected:
  void FlipAndRead(size_t offset, int bit) {
    const std::string whole = ReadBytes(disk_.database());
    FlipBit(disk_.database(), offset, bit);
    const absl::Status status = OpenAndRead();
    if (!status.ok()) {
      ++found_;
      const std::string reason = Reason(status);
      EXPECT_TRUE(reason == "JOURNAL_DAMAGED" || reason == "JOURNAL_TOO_NEW")
          << "bit " << bit << " of byte " << offset << ": " << status;
      EXPECT_NE(base::MetadataOf(status, "file"), "");
    }
    std::filesystem::remove(disk_.log());
    WriteBytes(disk_.database(), whole);
  }

  int found_ = 0;
};

TEST_F(BitFlipTest, AnyFlippedBitIsFoundOrHarmless) {
  const int seed = ::testing::UnitTest::GetInstance()->random_seed();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937 random(static_cast<unsigned>(seed));
  const size_t size = std::filesystem::file_size(disk_.database());
  for (int round = 0; round < 60; ++round) {
    FlipAndRead(random() % size, static_cast<int>(random() % 8));
  }
  EXPECT_GT(found_, 0);
}

TEST_F(BitFlipTest, AFlippedBitInAFieldOfTheHeaderIsFoundOrHarmless) {
  // Page size, versions, reserved bytes, fractions, counter, size, free list, schema, encoding,
  // user_version, application_id, SQLite's version.
  for (const size_t offset : {16, 17, 18, 19, 20, 21, 27, 31, 35, 39, 43, 47, 59, 63, 71, 99}) {
    FlipAndRead(offset, 0);
    FlipAndRead(offset, 1);
  }
  EXPECT_GT(found_, 8);
}

TEST_F(DamageTest, ATruncatedDatabaseIsRefused) {
  const auto size = static_cast<int64_t>(std::filesystem::file_size(disk_.database()));
  for (const int64_t kept : {size - 4096, size / 2, int64_t{4096}, int64_t{100}, int64_t{0}}) {
    std::filesystem::resize_file(disk_.database(), static_cast<uintmax_t>(kept));
    const absl::Status status = OpenAndRead();
    EXPECT_EQ(Reason(status), "JOURNAL_DAMAGED") << kept << ": " << status;
    EXPECT_EQ(base::MetadataOf(status, "file"), disk_.database());
  }
}

TEST_F(DamageTest, AnOverwrittenHeaderIsRefused) {
  FlipBit(disk_.database(), 3);
  const absl::Status status = OpenAndRead();
  EXPECT_EQ(Reason(status), "JOURNAL_DAMAGED") << status;
  EXPECT_EQ(base::MetadataOf(status, "file"), disk_.database());
}

TEST_F(DamageTest, AMissingDatabaseIsNotReplacedByAnEmptyOne) {
  std::filesystem::remove(disk_.database());
  std::filesystem::remove(disk_.log());
  const absl::Status status = disk_.TryOpen().status();
  EXPECT_EQ(Reason(status), "JOURNAL_DAMAGED") << status;
  EXPECT_FALSE(std::filesystem::exists(disk_.database()));
}

TEST_F(DamageTest, AKeyWithoutAJournalIsNotTakenForANewWorkspace) {
  std::filesystem::remove(disk_.database());
  std::filesystem::remove(disk_.log());
  std::filesystem::remove_all(disk_.state_dir() + "/snapshots");
  const std::string key = disk_.state_dir() + "/workspace.key";
  std::ofstream(key) << "a key";
  const absl::Status status = disk_.TryOpen().status();
  EXPECT_EQ(Reason(status), "JOURNAL_DAMAGED") << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("key"));
  // Without it there is nothing that a new journal could replace.
  std::filesystem::remove(key);
  EXPECT_TRUE(disk_.TryOpen().ok());
}

TEST_F(DamageTest, ADamagedSnapshotIsPassedOverForAnOlderOne) {
  FlipBit(disk_.snapshot(30), ReadBytes(disk_.snapshot(30)).find("actor 1"));
  const auto journal = disk_.Open();
  const LoadedSnapshot loaded = LoadNewest(journal.get(), kHead);
  EXPECT_EQ(loaded.revision, 20);
  ASSERT_THAT(loaded.notes, SizeIs(1));
  EXPECT_THAT(loaded.notes[0], HasSubstr(disk_.snapshot(30)));
}

TEST_F(DamageTest, ADamagedOldestSnapshotIsPassedOverForANewerOne) {
  FlipBit(disk_.snapshot(20), 20);
  EXPECT_EQ(LoadOldest(disk_.Open().get()), 30);
}

TEST_F(DamageTest, WithoutAWholeSnapshotThereIsNone) {
  FlipBit(disk_.snapshot(20), 20);
  std::filesystem::resize_file(disk_.snapshot(30), 0);
  const auto journal = disk_.Open();
  const LoadedSnapshot loaded = LoadNewest(journal.get(), kHead);
  EXPECT_EQ(loaded.revision, 0);
  EXPECT_THAT(loaded.actors, IsEmpty()) << "nothing of a damaged one is given out";
  EXPECT_THAT(loaded.notes, SizeIs(2));
}

TEST_F(DamageTest, EveryFlippedBitAndEveryCutOfASnapshotIsFound) {
  const std::string whole = ReadBytes(disk_.snapshot(30));
  const auto journal = disk_.Open();
  for (size_t offset = 0; offset < whole.size(); ++offset) {
    std::string changed = whole;
    changed[offset] = static_cast<char>(changed[offset] ^ (1 << (offset % 8)));
    WriteBytes(disk_.snapshot(30), changed);
    ASSERT_EQ(LoadNewest(journal.get(), kHead).revision, 20) << "byte " << offset;
    WriteBytes(disk_.snapshot(30), whole.substr(0, offset));
    ASSERT_EQ(LoadNewest(journal.get(), kHead).revision, 20) << "cut at " << offset;
  }
  WriteBytes(disk_.snapshot(30), whole + "x");
  EXPECT_EQ(LoadNewest(journal.get(), kHead).revision, 20);
  WriteBytes(disk_.snapshot(30), whole);
  EXPECT_EQ(LoadNewest(journal.get(), kHead).revision, 30);
}

TEST_F(DamageTest, ASnapshotOfAnotherRevisionOrLogIsPassedOver) {
  const std::string twenty = ReadBytes(disk_.snapshot(20));
  WriteBytes(disk_.snapshot(30), twenty);
  EXPECT_EQ(LoadNewest(disk_.Open().get(), kHead).revision, 20);

  JournalOnDisk other;
  const auto journal = other.Open();
  AppendUpTo(journal.get(), kHead, /*size=*/1);
  ASSERT_TRUE(SaveSnapshot(journal.get(), 30).ok());
  WriteBytes(disk_.snapshot(30), ReadBytes(other.snapshot(30)));
  EXPECT_EQ(LoadNewest(disk_.Open().get(), kHead).revision, 20);
}

// The write-ahead log: what SQLite by itself would drop in silence.
class LogDamageTest : public ::testing::Test {
 protected:
  static constexpr size_t kHeaderBytes = 32;
  static constexpr size_t kFrameBytes = 24 + 4096;

  // One event a transaction, all of them in the log only; big enough to have two frames at least.
  void SetUp() override {
    journal_ = disk_.Open();
    for (int64_t head = 1; head <= 12; ++head) AppendUpTo(journal_.get(), head, 1, 3000);
    database_ = ReadBytes(disk_.database());
    log_ = ReadBytes(disk_.log());
    journal_.reset();
    ASSERT_GT(log_.size(), kHeaderBytes + 12 * kFrameBytes);
  }

  // Opens what was there, with another log.
  absl::StatusOr<std::unique_ptr<Journal>> OpenWith(const std::string& log) {
    journal_.reset();
    WriteBytes(disk_.database(), database_);
    WriteBytes(disk_.log(), log);
    return disk_.TryOpen();
  }

  std::string Flipped(size_t offset, int bit = 0) const {
    std::string changed = log_;
    changed[offset] = static_cast<char>(changed[offset] ^ (1 << bit));
    return changed;
  }

  JournalOnDisk disk_;
  std::unique_ptr<Journal> journal_;
  std::string database_;
  std::string log_;
};

TEST_F(LogDamageTest, TheLogIsReplayed) {
  const auto journal = OpenWith(log_);
  ASSERT_TRUE(journal.ok()) << journal.status();
  EXPECT_EQ(Revisions(*ReadAll(journal->get(), 0)), Range(1, 12));
}

TEST_F(LogDamageTest, DamageBeforeAcknowledgedEventsIsRefused) {
  for (const size_t frame : {size_t{0}, size_t{1}, size_t{5}}) {
    for (const size_t within : {size_t{4}, size_t{9}, size_t{17}, size_t{1000}}) {
      const absl::Status status =
          OpenWith(Flipped(kHeaderBytes + frame * kFrameBytes + within)).status();
      EXPECT_EQ(Reason(status), "JOURNAL_DAMAGED") << frame << " + " << within << ": " << status;
      EXPECT_EQ(base::MetadataOf(status, "file"), disk_.log());
    }
  }
}

// Nor may the last but one go: after it stands one commit mark only, and its own.
TEST_F(LogDamageTest, DamageOfTheLastButOneAcknowledgedEventIsRefused) {
  std::vector<size_t> marks;  // of transactions: where their last frames begin
  for (size_t at = kHeaderBytes; at + kFrameBytes <= log_.size(); at += kFrameBytes) {
    if (log_.substr(at + 4, 4) != std::string(4, '\0')) marks.push_back(at);
  }
  ASSERT_EQ(marks.size(), 12u);
  for (const size_t within : {size_t{7}, size_t{16}, size_t{19}, size_t{23}, size_t{1000}}) {
    const absl::Status status = OpenWith(Flipped(marks[10] + within)).status();
    EXPECT_EQ(Reason(status), "JOURNAL_DAMAGED") << within << ": " << status;
  }
}

TEST_F(LogDamageTest, ADamagedHeaderBeforeFramesIsRefused) {
  for (size_t offset = 0; offset < kHeaderBytes; ++offset) {
    const absl::Status status = OpenWith(Flipped(offset)).status();
    EXPECT_EQ(Reason(status), "JOURNAL_DAMAGED") << offset << ": " << status;
  }
}

// As a log is that was given room, and whose header was torn or not yet written.
TEST_F(LogDamageTest, ALogOfZerosBehindHalfAHeaderIsEmpty) {
  for (size_t header = 0; header < kHeaderBytes; header += 8) {
    const auto journal = OpenWith(log_.substr(0, header) + std::string(100'000, '\0'));
    ASSERT_TRUE(journal.ok()) << header << ": " << journal.status();
    AppendUpTo(journal->get(), (*journal)->head_revision() + 3, 1, 3000);
  }
}

TEST_F(LogDamageTest, AnyFlippedBitLosesAtMostATransactionThatCouldHaveBeenTorn) {
  const int seed = ::testing::UnitTest::GetInstance()->random_seed();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937 random(static_cast<unsigned>(seed));
  for (int round = 0; round < 30; ++round) {
    const size_t offset = random() % log_.size();
    const auto journal = OpenWith(Flipped(offset, static_cast<int>(random() % 8)));
    if (!journal.ok()) {
      EXPECT_EQ(Reason(journal.status()), "JOURNAL_DAMAGED") << journal.status();
      continue;
    }
    EXPECT_GE((*journal)->head_revision(), 11) << "offset " << offset;
    const auto entries = ReadAll(journal->get(), 0);
    ASSERT_TRUE(entries.ok()) << entries.status();
    for (const Entry& entry : *entries) EXPECT_TRUE(IsGenuine(entry));
  }
}

TEST_F(LogDamageTest, ALogThatIsCutAnywhereKeepsWhatIsBeforeTheCut) {
  int64_t head = 0;
  for (size_t size = 0; size <= log_.size(); size += 1371) {
    const auto journal = OpenWith(log_.substr(0, size));
    ASSERT_TRUE(journal.ok()) << size << ": " << journal.status();
    EXPECT_GE((*journal)->head_revision(), head);
    head = (*journal)->head_revision();
    EXPECT_EQ(Revisions(*ReadAll(journal->get(), 0)), Range(1, head));
  }
  EXPECT_GE(head, 11);
}

TEST_F(LogDamageTest, ALogWithoutItsDatabaseIsRefused) {
  WriteBytes(disk_.log(), log_);
  std::filesystem::remove(disk_.database());
  EXPECT_EQ(Reason(disk_.TryOpen().status()), "JOURNAL_DAMAGED");
}

}  // namespace
}  // namespace coordhub::journal
