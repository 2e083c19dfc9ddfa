// No acknowledged event is lost by a kill at any instruction.

#include <gtest/gtest.h>

#include <random>

#include "tests/journal/harness.h"
#include "tests/journal/store_changes.h"
#include "tests/support/child.h"

namespace coordhub::journal {
namespace {

// Appends, snapshots, compacts and checkpoints until it is killed; reports each head that was
// acknowledged.
void WriteForEver(JournalOnDisk* disk, unsigned seed, int fd) {
  auto opened = disk->TryOpen();
  if (!opened.ok()) {
    test::WriteLine(fd, std::string(opened.status().message()));
    return;
  }
  const std::unique_ptr<Journal> journal = *std::move(opened);
  std::mt19937 random(seed);
  test::WriteLine(fd, absl::StrCat(journal->head_revision()));
  while (true) {
    const int64_t first = journal->head_revision() + 1;
    const int64_t last = first + random() % 20;
    std::vector<Entry> entries = MakeCommits(first, last, 1 + random() % 4, random() % 3000);
    for (Entry& entry : entries) AddStoreChanges(&entry);
    if (!journal->Append(entries).ok()) return;
    test::WriteLine(fd, absl::StrCat(last));
    const unsigned chance = random() % 10;
    if (chance == 0 && !SaveSnapshot(journal.get(), last, /*records=*/200).ok()) return;
    if (chance == 1 && SaveSnapshot(journal.get(), last).ok()) {
      if (!journal->Compact(last).ok()) return;
    }
    if (chance <= 4 && !journal->Checkpoint(chance == 2).ok()) return;
  }
}

// Nor any change of the store: its rows are there exactly when their events are.
TEST(KillTest, NoAcknowledgedEventIsLostByAKillAtAnyMoment) {
  const int seed = ::testing::UnitTest::GetInstance()->random_seed();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937 random(static_cast<unsigned>(seed));
  JournalOnDisk disk;
  std::string log_id;
  for (int round = 0; round < 15; ++round) {
    int64_t acknowledged = 0;
    {
      const unsigned writer_seed = random();
      test::ReportingChild writer([&](int fd) { WriteForEver(&disk, writer_seed, fd); });
      const unsigned lines = 1 + random() % 60;
      for (unsigned i = 0; i < lines; ++i) {
        const std::string line = writer.ReadLine();
        ASSERT_EQ(line.find_first_not_of("0123456789"), std::string::npos) << line;
        ASSERT_FALSE(line.empty()) << "the writer ended";
        acknowledged = std::stoll(line);
      }
      writer.Kill();
      // What it acknowledged before it died, beyond what was waited for.
      for (std::string line = writer.ReadLine(); !line.empty(); line = writer.ReadLine()) {
        acknowledged = std::stoll(line);
      }
    }
    const auto journal = disk.Open();
    ASSERT_NE(journal, nullptr);
    if (log_id.empty()) log_id = journal->identity().log_id;
    EXPECT_EQ(journal->identity().log_id, log_id);
    ASSERT_GE(journal->head_revision(), acknowledged);
    const int64_t compact = journal->compact_revision();
    const auto entries = ReadAll(journal.get(), compact);
    ASSERT_TRUE(entries.ok()) << entries.status();
    ASSERT_EQ(Revisions(*entries), Range(compact + 1, journal->head_revision()));
    for (const Entry& entry : *entries) ASSERT_TRUE(IsGenuine(entry));
    EXPECT_TRUE(compact == 0 || LoadOldest(journal.get()) >= compact);
    EXPECT_TRUE(LoadNewest(journal.get(), journal->head_revision()).notes.empty());
    ExpectStoreAt(journal.get(), journal->head_revision());
  }
}

}  // namespace
}  // namespace coordhub::journal
