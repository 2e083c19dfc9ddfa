// Every released format stays readable. The journals here were written by the release that is
// named; their checksums were also computed by a script that follows FORMAT.md and nothing else.
// They are never changed: a new format adds one.

#include <gtest/gtest.h>

#include "tests/journal/format1.h"

namespace coordhub::journal {
namespace {

TEST(GoldenJournalTest, Format1IsReadByThisBuild) {
  JournalOnDisk disk;
  MakeFormat1(disk);

  const auto journal = disk.Open();
  ASSERT_NE(journal, nullptr);
  EXPECT_EQ(journal->identity().log_id, "910a2dec89025cc1beeb8da1658eec67");
  EXPECT_FALSE(journal->identity().restored);
  EXPECT_EQ(journal->head_revision(), 6);
  EXPECT_EQ(journal->compact_revision(), 2);

  const auto entries = ReadAll(journal.get(), 2);
  ASSERT_TRUE(entries.ok()) << entries.status();
  ASSERT_EQ(Revisions(*entries), Range(3, 6));
  for (const Entry& entry : *entries) EXPECT_TRUE(IsGenuine(entry));
  EXPECT_EQ((*entries)[0].private_bytes, "private 3");
  EXPECT_EQ((*entries)[0].commit_revision, 4);
  EXPECT_TRUE(journal->store_incomplete()) << "its texts are in events and snapshots only";

  const LoadedSnapshot snapshot = LoadNewest(journal.get(), 6);
  EXPECT_TRUE(snapshot.notes.empty());
  EXPECT_EQ(snapshot.revision, 4);
  EXPECT_EQ(snapshot.actors, (std::vector<std::string>{"actor 0", "actor 1"}));
  AppendUpTo(journal.get(), 8);
  EXPECT_EQ(Revisions(*ReadAll(journal.get(), 2)), Range(3, 8));
}

}  // namespace
}  // namespace coordhub::journal
