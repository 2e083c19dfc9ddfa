// What every journal promises, whatever it is made of.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "tests/journal/journal_factory.h"

namespace coordhub::journal {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

INSTANTIATE_TEST_SUITE_P(Journals, JournalContract, ::testing::ValuesIn(JournalKinds()), NameOf);

TEST_P(JournalContract, BeginsEmpty) {
  EXPECT_EQ(journal_->head_revision(), 0);
  EXPECT_EQ(journal_->compact_revision(), 0);
  EXPECT_EQ(journal_->identity().log_id.size(), 32U);
  EXPECT_FALSE(journal_->identity().restored);
  EXPECT_THAT(*ReadAll(journal_.get(), 0), IsEmpty());
  EXPECT_EQ(LoadNewest(journal_.get(), 100).revision, 0);
  EXPECT_EQ(LoadOldest(journal_.get()), 0);
}

TEST_P(JournalContract, GivesBackTheBytesThatWereAppended) {
  std::vector<Entry> entries = MakeCommit(1, 3);
  entries[1].event_bytes = std::string("\0 and \xff", 7);
  entries[2].event_bytes = "";
  entries[2].private_bytes = std::string(1, '\0');
  ASSERT_TRUE(journal_->Append(entries).ok());

  EXPECT_EQ(journal_->head_revision(), 3);
  const auto read = ReadAll(journal_.get(), 0);
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_EQ(read->size(), 3U);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ((*read)[i].revision, entries[i].revision);
    EXPECT_EQ((*read)[i].commit_revision, entries[i].commit_revision);
    EXPECT_EQ((*read)[i].event_bytes, entries[i].event_bytes);
    EXPECT_EQ((*read)[i].private_bytes, entries[i].private_bytes);
  }
}

TEST_P(JournalContract, TakesSeveralCommitsInOneAppend) {
  std::vector<Entry> entries = MakeCommit(1, 2);
  for (Entry& entry : MakeCommit(3, 3)) entries.push_back(std::move(entry));
  for (Entry& entry : MakeCommit(4, 6)) entries.push_back(std::move(entry));
  ASSERT_TRUE(journal_->Append(entries).ok());
  EXPECT_EQ(journal_->head_revision(), 6);
  const auto read = ReadAll(journal_.get(), 3);
  ASSERT_EQ(Revisions(*read), Range(4, 6));
  EXPECT_EQ((*read)[0].commit_revision, 6);
}

TEST_P(JournalContract, AnEmptyAppendChangesNothing) {
  ASSERT_TRUE(journal_->Append({}).ok());
  EXPECT_EQ(journal_->head_revision(), 0);
}

TEST_P(JournalContract, NeverAppendsWhatWouldNotBeDenseOrWhole) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  AppendUpTo(journal_.get(), 2);
  EXPECT_DEATH((void)journal_->Append(MakeCommit(4, 4)), "not dense");
  EXPECT_DEATH((void)journal_->Append(MakeCommit(2, 3)), "not dense");
  EXPECT_DEATH((void)journal_->Append({MakeEntry(3, 4)}), "not whole");
  EXPECT_DEATH((void)journal_->Append({MakeEntry(3, 4), MakeEntry(4, 5), MakeEntry(5, 5)}),
               "not contiguous");
}

TEST_P(JournalContract, ReadsAfterTheRevisionGivenAndWithinTheLimits) {
  AppendUpTo(journal_.get(), 2500);
  const auto reader = journal_->NewReader();
  std::vector<Entry> entries;

  ASSERT_TRUE(reader->Read(2498, 10, SIZE_MAX, &entries).ok());
  EXPECT_EQ(Revisions(entries), Range(2499, 2500));
  ASSERT_TRUE(reader->Read(10, 3, SIZE_MAX, &entries).ok());
  EXPECT_THAT(Revisions(entries), ElementsAre(2499, 2500, 11, 12, 13))
      << "appends to what is there";

  entries.clear();
  ASSERT_TRUE(reader->Read(0, 5000, SIZE_MAX, &entries).ok());
  EXPECT_EQ(Revisions(entries), Range(1, 1000)) << "1,000 at most";

  entries.clear();
  ASSERT_TRUE(reader->Read(2500, 10, SIZE_MAX, &entries).ok());
  ASSERT_TRUE(reader->Read(9999, 10, SIZE_MAX, &entries).ok());
  EXPECT_THAT(entries, IsEmpty());
}

TEST_P(JournalContract, ReadsUpToTheBytesAskedForButAtLeastOneEvent) {
  AppendUpTo(journal_.get(), 10, /*size=*/1, /*padding=*/1000);
  const auto reader = journal_->NewReader();
  std::vector<Entry> entries;
  ASSERT_TRUE(reader->Read(0, 10, 1, &entries).ok());
  EXPECT_THAT(Revisions(entries), ElementsAre(1));

  const size_t size = entries[0].event_bytes.size() + entries[0].private_bytes.size();
  entries.clear();
  ASSERT_TRUE(reader->Read(0, 10, 3 * size, &entries).ok());
  EXPECT_THAT(Revisions(entries), ElementsAre(1, 2, 3)) << "exactly the limit fits";
  entries.clear();
  ASSERT_TRUE(reader->Read(0, 10, 3 * size - 1, &entries).ok());
  EXPECT_THAT(Revisions(entries), ElementsAre(1, 2));
}

TEST_P(JournalContract, ReadsMayBeginAndEndWithinACommit) {
  ASSERT_TRUE(journal_->Append(MakeCommit(1, 9)).ok());
  std::vector<Entry> entries;
  ASSERT_TRUE(journal_->NewReader()->Read(3, 2, SIZE_MAX, &entries).ok());
  EXPECT_THAT(Revisions(entries), ElementsAre(4, 5));
  EXPECT_EQ(entries[0].commit_revision, 9);
}

TEST_P(JournalContract, AReaderSeesWhatIsAppendedAfterItWasMade) {
  const auto reader = journal_->NewReader();
  EXPECT_THAT(*ReadAll(reader.get(), 0), IsEmpty());
  AppendUpTo(journal_.get(), 3);
  EXPECT_EQ(Revisions(*ReadAll(reader.get(), 0)), Range(1, 3));
}

TEST_P(JournalContract, ReadersSeeADensePrefixWhileTheWriterGoesOn) {
  constexpr int64_t kHead = 300;
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([this] {
      const auto reader = journal_->NewReader();
      std::vector<Entry> seen;
      while (seen.size() < kHead) {
        const int64_t after = static_cast<int64_t>(seen.size());
        const int64_t durable = journal_->head_revision();
        const absl::Status status = reader->Read(after, 100, SIZE_MAX, &seen);
        ASSERT_TRUE(status.ok()) << status;
        const auto got = static_cast<int64_t>(seen.size());
        ASSERT_GE(got, std::min(durable, after + 100)) << "what was durable is seen";
        ASSERT_LE(got, journal_->head_revision());
      }
      EXPECT_EQ(Revisions(seen), Range(1, kHead));
    });
  }
  for (int64_t head = 3; head <= kHead; head += 3) AppendUpTo(journal_.get(), head, /*size=*/3);
  for (std::thread& thread : threads) thread.join();
}

TEST_P(JournalContract, CompactedEventsAreRefusedAndTheOthersStay) {
  AppendUpTo(journal_.get(), 10, /*size=*/2);
  ASSERT_TRUE(SaveSnapshot(journal_.get(), 8).ok());
  const auto reader = journal_->NewReader();
  ASSERT_TRUE(ReadAll(reader.get(), 0).ok());

  const auto dropped = journal_->Compact(6);
  ASSERT_TRUE(dropped.ok()) << dropped.status();
  EXPECT_EQ(*dropped, 6);
  EXPECT_EQ(journal_->compact_revision(), 6);
  EXPECT_EQ(journal_->head_revision(), 10);

  std::vector<Entry> entries;
  const absl::Status before = reader->Read(5, 10, SIZE_MAX, &entries);
  EXPECT_EQ(Reason(before), "REVISION_COMPACTED");
  EXPECT_EQ(base::MetadataOf(before, "compact_revision"), "6");
  EXPECT_EQ(base::MetadataOf(before, "head_revision"), "10");
  EXPECT_EQ(Revisions(*ReadAll(reader.get(), 6)), Range(7, 10));
}

TEST_P(JournalContract, TheLogGoesOnWhenAllOfItWasCompacted) {
  AppendUpTo(journal_.get(), 4);
  ASSERT_TRUE(SaveSnapshot(journal_.get(), 4).ok());
  ASSERT_EQ(*journal_->Compact(4), 4);
  EXPECT_EQ(journal_->head_revision(), 4);
  EXPECT_THAT(*ReadAll(journal_.get(), 4), IsEmpty());
  AppendUpTo(journal_.get(), 6);
  EXPECT_EQ(Revisions(*ReadAll(journal_.get(), 4)), Range(5, 6));
}

TEST_P(JournalContract, CompactingAgainOrLowerChangesNothing) {
  AppendUpTo(journal_.get(), 6);
  ASSERT_TRUE(SaveSnapshot(journal_.get(), 6).ok());
  ASSERT_EQ(*journal_->Compact(4), 4);
  EXPECT_EQ(*journal_->Compact(4), 0);
  EXPECT_EQ(*journal_->Compact(2), 0);
  EXPECT_EQ(journal_->compact_revision(), 4);
}

TEST_P(JournalContract, NeverCompactsPastTheNewestSnapshotOrIntoACommit) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  AppendUpTo(journal_.get(), 8, /*size=*/2);
  EXPECT_DEATH((void)journal_->Compact(4), "no snapshot");
  ASSERT_TRUE(SaveSnapshot(journal_.get(), 6).ok());
  EXPECT_DEATH((void)journal_->Compact(8), "no snapshot");
  EXPECT_DEATH((void)journal_->Compact(5), "end of a commit");
  EXPECT_DEATH((void)journal_->Compact(9), "beyond the head");
}

TEST_P(JournalContract, CheckpointsKeepEverything) {
  AppendUpTo(journal_.get(), 50, /*size=*/1, /*padding=*/2000);
  ASSERT_TRUE(SaveSnapshot(journal_.get(), 50).ok());
  ASSERT_TRUE(journal_->Compact(20).ok());
  ASSERT_TRUE(journal_->Checkpoint(/*force=*/false).ok());
  ASSERT_TRUE(journal_->Checkpoint(/*force=*/true).ok());
  EXPECT_EQ(Revisions(*ReadAll(journal_.get(), 20)), Range(21, 50));
  AppendUpTo(journal_.get(), 60);
  EXPECT_EQ(Revisions(*ReadAll(journal_.get(), 20)), Range(21, 60));
}

TEST_P(JournalContract, GivesBackTheNewestSnapshotThatIsNotTooNew) {
  AppendUpTo(journal_.get(), 10);
  ASSERT_TRUE(SaveSnapshot(journal_.get(), 4, /*records=*/2).ok());
  ASSERT_TRUE(SaveSnapshot(journal_.get(), 8, /*records=*/3).ok());
  const LoadedSnapshot newest = LoadNewest(journal_.get(), 10);
  EXPECT_EQ(newest.revision, 8);
  EXPECT_THAT(newest.actors, ElementsAre("actor 0", "actor 1", "actor 2"));
  EXPECT_THAT(newest.notes, IsEmpty());
  EXPECT_EQ(LoadNewest(journal_.get(), 7).revision, 4);
  EXPECT_EQ(LoadNewest(journal_.get(), 4).revision, 4);
  EXPECT_EQ(LoadNewest(journal_.get(), 3).revision, 0);
}

TEST_P(JournalContract, ASnapshotThatWasNotFinishedIsNeverSeen) {
  AppendUpTo(journal_.get(), 10);
  ASSERT_TRUE(SaveSnapshot(journal_.get(), 4).ok());
  v1::SnapshotHeader header;
  header.set_revision(8);
  const absl::Status status = journal_->SaveSnapshot(
      header, [](const std::function<absl::Status(const v1::SnapshotRecord&)>& write) {
        const absl::Status written = write(v1::SnapshotRecord());
        return written.ok() ? absl::CancelledError("enough") : written;
      });
  EXPECT_TRUE(absl::IsCancelled(status)) << status;
  EXPECT_EQ(LoadNewest(journal_.get(), 10).revision, 4);
}

TEST_P(JournalContract, AnErrorOfTheSinkEndsLoading) {
  AppendUpTo(journal_.get(), 4);
  ASSERT_TRUE(SaveSnapshot(journal_.get(), 4).ok());
  const auto header = journal_->LoadSnapshot(
      4,
      [](const std::shared_ptr<const v1::SnapshotRecord>&) {
        return absl::CancelledError("enough");
      },
      [](const std::string&) {});
  EXPECT_TRUE(absl::IsCancelled(header.status())) << header.status();
}

TEST_P(JournalContract, TheOldestSnapshotIsTheOneThatTheKeptEventsContinue) {
  AppendUpTo(journal_.get(), 100);
  for (const int64_t revision : {20, 40, 60, 80}) {
    ASSERT_TRUE(SaveSnapshot(journal_.get(), revision).ok());
    if (revision != 40) continue;
    ASSERT_TRUE(journal_->Compact(30).ok());
  }
  EXPECT_EQ(LoadOldest(journal_.get()), 40) << "kept beside the two newest";
  EXPECT_EQ(LoadNewest(journal_.get(), 100).revision, 80);
  EXPECT_EQ(LoadNewest(journal_.get(), 79).revision, 60);
  EXPECT_EQ(LoadNewest(journal_.get(), 39).revision, 0) << "20 is not continued";

  ASSERT_TRUE(journal_->Compact(50).ok());
  EXPECT_EQ(LoadOldest(journal_.get()), 60);
}

TEST_P(JournalContract, TheIdentityStays) {
  const std::string log_id = journal_->identity().log_id;
  AppendUpTo(journal_.get(), 10);
  ASSERT_TRUE(SaveSnapshot(journal_.get(), 10).ok());
  ASSERT_TRUE(journal_->Compact(5).ok());
  ASSERT_TRUE(journal_->ClearRestored().ok());
  EXPECT_EQ(journal_->identity().log_id, log_id);
}

TEST_P(JournalContract, SizeSaysWhatIsOnDisk) {
  AppendUpTo(journal_.get(), 10, /*size=*/1, /*padding=*/10000);
  if (factory_->on_disk()) {
    EXPECT_GT(journal_->size_bytes(), 100000);
  } else {
    EXPECT_EQ(journal_->size_bytes(), 0);
  }
}

TEST_P(JournalContract, ABackupIsMadeWhereThereAreFiles) {
  AppendUpTo(journal_.get(), 10);
  const auto info = journal_->Backup(factory_->Below("backup"));
  if (factory_->on_disk()) {
    ASSERT_TRUE(info.ok()) << info.status();
    EXPECT_EQ(info->revision, 10);
  } else {
    EXPECT_EQ(Reason(info.status()), "NOT_IMPLEMENTED");
  }
}

}  // namespace
}  // namespace coordhub::journal
