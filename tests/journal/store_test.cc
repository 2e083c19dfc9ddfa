// The store on disk: how its garbage goes, and that damage to it is found.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "hub/journal/file_system.h"
#include "hub/journal/garbage.h"
#include "hub/journal/store_key.h"
#include "tests/journal/harness.h"
#include "tests/journal/raw_database.h"
#include "tests/journal/store_changes.h"

namespace coordhub::journal {
namespace {

using ::testing::HasSubstr;

class StoreTest : public ::testing::Test {
 protected:
  void SetUp() override { journal_ = disk_.Open(); }

  void Change(std::vector<StoreChange> changes) {
    const int64_t revision = journal_->head_revision() + 1;
    std::vector<Entry> entries = MakeCommit(revision, revision);
    entries[0].store = std::move(changes);
    const absl::Status status = journal_->Append(entries);
    ASSERT_TRUE(status.ok()) << status;
  }
  int64_t Query(const std::string& sql) { return QueryInt(disk_.database(), sql); }

  // Calls Checkpoint as after each batch until nothing is left to delete; the greatest slice.
  struct Slices {
    int count = 0;
    int64_t rows = 0;
    int64_t bytes = 0;
  };
  Slices DeleteGarbage() {
    const std::string rows = "SELECT (SELECT count(*) FROM events) + (SELECT count(*) FROM store)";
    const std::string bytes =
        "SELECT (SELECT total(length(event) + ifnull(length(private), 0)) FROM events) + "
        "(SELECT total(length(value)) FROM store)";
    const std::string garbage =
        "SELECT (SELECT count(*) FROM store_erased) + (SELECT count(*) FROM events, meta WHERE "
        "revision <= compact_revision)";
    Slices slices;
    int64_t rows_before = Query(rows);
    int64_t bytes_before = Query(bytes);
    while (Query(garbage) > 0 && slices.count < 1000) {
      EXPECT_TRUE(journal_->Checkpoint(/*force=*/false).ok());
      ++slices.count;
      const int64_t rows_after = Query(rows);
      const int64_t bytes_after = Query(bytes);
      slices.rows = std::max(slices.rows, rows_before - rows_after);
      slices.bytes = std::max(slices.bytes, bytes_before - bytes_after);
      rows_before = rows_after;
      bytes_before = bytes_after;
    }
    return slices;
  }

  JournalOnDisk disk_;
  std::unique_ptr<Journal> journal_;
};

TEST_F(StoreTest, CompactionCheckpointAndGarbageHoldTheWriterInSlices) {
  // Many small events, many large ones, and rows of both kinds that are erased.
  AppendUpTo(journal_.get(), 5000);
  AppendUpTo(journal_.get(), 5200, /*size=*/1, /*padding=*/64 << 10);
  std::vector<StoreChange> puts;
  std::vector<StoreChange> erases;
  for (int64_t i = 0; i < 3000; ++i) {
    const size_t size = i < 100 ? 100'000 : 10;
    puts.push_back({Space::kText, KeyOf(i), std::string(size, 'x')});
    erases.push_back({Space::kText, KeyOf(i), std::nullopt});
  }
  Change(puts);
  const int64_t before = Query("SELECT count(*) FROM store");
  Change(erases);
  EXPECT_EQ(Query("SELECT count(*) FROM store"), before) << "erasing deletes no values";
  const int64_t head = journal_->head_revision();
  ASSERT_TRUE(SaveSnapshot(journal_.get(), head).ok());
  const int64_t events = Query("SELECT count(*) FROM events");
  ASSERT_EQ(*journal_->Compact(head), head);
  EXPECT_EQ(Query("SELECT count(*) FROM events"), events) << "compaction only moves a mark";

  const Slices slices = DeleteGarbage();
  EXPECT_EQ(Query("SELECT count(*) FROM events"), 0);
  EXPECT_EQ(Query("SELECT count(*) FROM store"), 0);
  EXPECT_GT(slices.rows, 100) << "nor one by one";
  EXPECT_LE(slices.rows, kGarbageRows);
  EXPECT_LE(slices.bytes, kGarbageBytes);
  ASSERT_TRUE(journal_->Checkpoint(/*force=*/false).ok());
}

TEST_F(StoreTest, ACheckpointWritesBackALittleAtATime) {
  SqliteOptions options = disk_.Options();
  journal_.reset();
  journal_ = *OpenSqliteJournal(options);
  constexpr int64_t kPage = 4096;
  // Pages come into the main file by checkpoints only.
  int64_t greatest = 0;
  int checkpoints = 0;
  for (int i = 0; i < 1000; ++i) {
    AppendUpTo(journal_.get(), journal_->head_revision() + 1, 1, /*padding=*/20'000);
    const int64_t pages = FileSize(disk_.database()) / kPage;
    ASSERT_TRUE(journal_->Checkpoint(/*force=*/false).ok());
    const int64_t written = FileSize(disk_.database()) / kPage - pages;
    greatest = std::max(greatest, written);
    checkpoints += written > 0 ? 1 : 0;
  }
  EXPECT_GT(checkpoints, 5);
  EXPECT_LE(greatest * kPage, options.checkpoint_bytes + (64 << 10));
}

TEST_F(StoreTest, AVerificationKeepsGarbageFromBeingDeleted) {
  std::vector<StoreChange> puts;
  for (int64_t i = 0; i < 1500; ++i) puts.push_back({Space::kText, KeyOf(i), "x"});
  Change(puts);
  const auto rows = journal_->VerifyStore([&] {
    Change({{Space::kText, KeyOf(3), std::nullopt}, {Space::kText, KeyOf(1400), std::nullopt}});
    EXPECT_TRUE(journal_->Checkpoint(/*force=*/false).ok());
    EXPECT_EQ(Query("SELECT count(*) FROM store"), 1500);
    return absl::OkStatus();
  });
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_EQ(*rows, 1500);
  ASSERT_TRUE(journal_->Checkpoint(/*force=*/false).ok());
  EXPECT_EQ(Query("SELECT count(*) FROM store"), 1498);
}

TEST_F(StoreTest, ReopeningFindsTheStoreItsSizesAndItsGarbage) {
  for (int64_t revision = 1; revision <= 200; ++revision) {
    std::vector<Entry> entries = MakeCommit(revision, revision);
    AddStoreChanges(&entries[0]);
    ASSERT_TRUE(journal_->Append(entries).ok());
  }
  ASSERT_GT(Query("SELECT count(*) FROM store_erased"), 0);
  journal_.reset();
  journal_ = disk_.Open();
  ExpectStoreAt(journal_.get(), 200);
  DeleteGarbage();
  EXPECT_EQ(Query("SELECT count(*) FROM store_erased"), 0);
  EXPECT_EQ(Query("SELECT count(*) FROM store"), Query("SELECT count(*) FROM store_index"));
  ExpectStoreAt(journal_.get(), 200);
}

// What a mishap shows at: reading the row, a verification, or a start.
enum class ShowsAt { kRead, kVerification, kStart };

struct Mishap {
  const char* name;
  const char* sql;
  ShowsAt shows_at;
  // The revision named; nullptr: none.
  const char* revision;
};

class StoreDamageTest : public ::testing::TestWithParam<Mishap> {
 protected:
  // Row "b" of event 2 is what is damaged, between "a" and "c".
  void SetUp() override {
    const auto journal = disk_.Open();
    for (const char* key : {"a", "b", "c"}) {
      const int64_t revision = journal->head_revision() + 1;
      std::vector<Entry> entries = MakeCommit(revision, revision);
      entries[0].store.push_back({Space::kText, key, std::string("value of ") + key});
      ASSERT_TRUE(journal->Append(entries).ok());
    }
    ASSERT_TRUE(journal->Checkpoint(/*force=*/true).ok());
  }
  void ExpectDamage(const absl::Status& status) {
    EXPECT_EQ(Reason(status), "JOURNAL_DAMAGED") << status;
    EXPECT_EQ(base::MetadataOf(status, "file"), disk_.database());
    EXPECT_EQ(base::MetadataOf(status, "revision"),
              GetParam().revision == nullptr ? "" : GetParam().revision);
  }

  JournalOnDisk disk_;
};

std::string NameOf(const ::testing::TestParamInfo<Mishap>& mishap) { return mishap.param.name; }

INSTANTIATE_TEST_SUITE_P(
    Mishaps, StoreDamageTest,
    ::testing::Values(
        Mishap{"ValueChanged", "UPDATE store SET value = x'00' WHERE id = 2", ShowsAt::kRead, "2"},
        Mishap{"KeyChanged", "UPDATE store SET key = x'64' WHERE id = 2", ShowsAt::kRead, "2"},
        Mishap{"SpaceChanged", "UPDATE store SET space = 2 WHERE id = 2", ShowsAt::kRead, "2"},
        Mishap{"NoSpaceAtAll", "UPDATE store SET space = 77 WHERE id = 2", ShowsAt::kRead, "2"},
        Mishap{"RevisionChanged", "UPDATE store SET revision = 3 WHERE id = 2", ShowsAt::kRead,
               "3"},
        Mishap{"ChecksumChanged", "UPDATE store SET checksum = x'0011223344556677' WHERE id = 2",
               ShowsAt::kRead, "2"},
        Mishap{"ChecksumShortened", "UPDATE store SET checksum = x'' WHERE id = 2", ShowsAt::kRead,
               "2"},
        Mishap{"ValuesSwapped",
               "UPDATE store SET id = -2 WHERE id = 2; UPDATE store SET id = 2 WHERE id = 3; "
               "UPDATE store SET id = 3 WHERE id = -2",
               ShowsAt::kRead, "3"},
        Mishap{"ValueRemoved", "DELETE FROM store WHERE id = 2", ShowsAt::kRead, nullptr},
        Mishap{"IndexRemoved", "DELETE FROM store_index WHERE key = x'62'", ShowsAt::kVerification,
               "2"},
        Mishap{"IndexLeadsElsewhere", "UPDATE store_index SET id = 3 WHERE key = x'62'",
               ShowsAt::kRead, "3"},
        Mishap{"LengthChanged", "UPDATE store_index SET bytes = 3 WHERE key = x'62'",
               ShowsAt::kVerification, "2"},
        Mishap{"ErasureForged", "INSERT INTO store_erased VALUES(2, 10, 2)", ShowsAt::kVerification,
               nullptr},
        Mishap{"RowAndIndexRemoved",
               "DELETE FROM store WHERE id = 2; DELETE FROM store_index WHERE key = x'62'",
               ShowsAt::kVerification, nullptr},
        Mishap{"SizeChanged", "UPDATE store_size SET bytes = 7", ShowsAt::kStart, nullptr},
        Mishap{"SizeOfNoSpace", "UPDATE store_size SET space = 77", ShowsAt::kStart, nullptr},
        Mishap{"SizeRemoved", "DELETE FROM store_size", ShowsAt::kVerification, nullptr},
        Mishap{"CompletenessChanged", "UPDATE meta SET store_complete = 0", ShowsAt::kStart,
               nullptr},
        Mishap{"TableRemoved", "DROP TABLE store_erased", ShowsAt::kStart, nullptr}),
    NameOf);

TEST_P(StoreDamageTest, IsFoundAndNamed) {
  RunSql(disk_.database(), GetParam().sql);
  const auto journal = disk_.TryOpen();
  if (GetParam().shows_at == ShowsAt::kStart) return ExpectDamage(journal.status());
  ASSERT_TRUE(journal.ok()) << journal.status();
  const auto reader = (*journal)->NewArchiveReader();
  if (GetParam().shows_at == ShowsAt::kRead) {
    ExpectDamage(reader->Get(Space::kText, "b").status());
    ExpectDamage(reader->Scan({}).status());
    const std::vector<std::string> keys = {"a", "b"};
    ExpectDamage(reader->GetMany(Space::kText, keys, SIZE_MAX).status());
  }
  // Others are not concerned.
  EXPECT_EQ(*reader->Get(Space::kText, "a"), "value of a");
  const absl::Status verified = (*journal)->VerifyStore([] { return absl::OkStatus(); }).status();
  EXPECT_EQ(Reason(verified), "JOURNAL_DAMAGED") << verified;
  if (GetParam().shows_at == ShowsAt::kVerification) ExpectDamage(verified);
  const absl::Status copied = (*journal)->Backup(disk_.Below("backup")).status();
  EXPECT_EQ(Reason(copied), "JOURNAL_DAMAGED") << copied;
}

TEST_F(StoreTest, AFlippedBitInAValueIsFoundWhenItIsRead) {
  Change({{Space::kText, "a", "of no interest"}, {Space::kText, "b", std::string(9000, 'v')}});
  ASSERT_TRUE(journal_->Checkpoint(/*force=*/true).ok());
  journal_.reset();
  std::string bytes = ReadBytes(disk_.database());
  const size_t at = bytes.find(std::string(3000, 'v'));
  ASSERT_NE(at, std::string::npos);
  bytes[at + 2000] ^= 1;
  WriteBytes(disk_.database(), bytes);
  journal_ = disk_.Open();
  const auto reader = journal_->NewArchiveReader();
  const absl::Status status = reader->Get(Space::kText, "b").status();
  EXPECT_EQ(Reason(status), "JOURNAL_DAMAGED") << status;
  EXPECT_EQ(base::MetadataOf(status, "revision"), "1");
  EXPECT_THAT(std::string(status.message()), HasSubstr("row 62 of space 1"));
  EXPECT_EQ(*reader->Get(Space::kText, "a"), "of no interest");
}

}  // namespace
}  // namespace coordhub::journal
