// What happens to a journal whose files are taken away while it is open.

#include "hub/journal/held_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "tests/journal/harness.h"

namespace coordhub::journal {
namespace {

namespace fs = std::filesystem;

using ::testing::HasSubstr;

class HeldFilesTest : public ::testing::Test {
 protected:
  HeldFilesTest() { EXPECT_TRUE(held_.Add(path_).ok()); }
  std::string MakeFile() {
    fs::create_directory(temp_ / "dir");
    std::ofstream(temp_ / "dir/file") << "one\n";
    return temp_ / "dir/file";
  }

  TempDir temp_;
  const std::string path_ = MakeFile();
  // Keeps the inode from becoming another file's.
  const std::ifstream open_{path_};
  HeldFiles held_;
};

TEST_F(HeldFilesTest, WhatIsWrittenToAFileOrBesideItHarmsNothing) {
  std::ofstream(path_) << "two\n";
  std::ofstream(temp_ / "dir/other") << "two\n";
  EXPECT_TRUE(held_.Check().ok());
  fs::rename(path_, temp_ / "away");
  fs::rename(temp_ / "away", path_);
  EXPECT_TRUE(held_.Check().ok()) << "it is back";
}

TEST_F(HeldFilesTest, SeesAFileThatWasRemoved) {
  fs::remove(path_);
  EXPECT_EQ(Reason(held_.Check()), "STATE_DIR_LOST");
  EXPECT_EQ(base::MetadataOf(held_.Check(), "path"), path_);
}

TEST_F(HeldFilesTest, WhatItsHolderReleasesMayGo) {
  held_.Release(path_);
  fs::remove(path_);
  EXPECT_TRUE(held_.Check().ok());
}

TEST_F(HeldFilesTest, SeesAFileThatWasReplaced) {
  std::ofstream(temp_ / "new") << "one\n";
  fs::rename(temp_ / "new", path_);
  EXPECT_THAT(std::string(held_.Check().message()), HasSubstr("was replaced"));
  ASSERT_TRUE(held_.Add(path_).ok());
  EXPECT_TRUE(held_.Check().ok()) << "by its holder";
}

TEST_F(HeldFilesTest, SeesADirectoryAboveThatWasRenamed) {
  fs::rename(temp_ / "dir", temp_ / "elsewhere");
  EXPECT_EQ(Reason(held_.Check()), "STATE_DIR_LOST");
}

TEST_F(HeldFilesTest, WhatIsNotThereCannotBeHeld) {
  EXPECT_EQ(Reason(held_.Add(temp_ / "nothing")), "STATE_DIR_LOST");
  EXPECT_TRUE(held_.Check().ok());
}

struct Loss {
  const char* name;
  std::function<void(const JournalOnDisk& disk)> happen;
};

void PrintTo(const Loss& loss, std::ostream* out) { *out << loss.name; }

class LostJournalTest : public ::testing::TestWithParam<Loss> {
 protected:
  JournalOnDisk disk_;
  std::unique_ptr<Journal> journal_ = disk_.Open();
};

TEST_P(LostJournalTest, AcknowledgesNothingMore) {
  AppendUpTo(journal_.get(), 3);
  ASSERT_TRUE(journal_->CheckHeld().ok());
  GetParam().happen(disk_);
  EXPECT_EQ(Reason(journal_->Append(MakeCommit(4, 5))), "STATE_DIR_LOST");
  EXPECT_EQ(Reason(journal_->Append(MakeCommit(6, 7))), "IO_FAILED") << "refused for good";
  EXPECT_EQ(Reason(journal_->CheckHeld()), "STATE_DIR_LOST");
}

TEST_P(LostJournalTest, ThatIsIdleIsFoundOut) {
  AppendUpTo(journal_.get(), 3);
  GetParam().happen(disk_);
  EXPECT_EQ(Reason(journal_->CheckHeld()), "STATE_DIR_LOST");
  EXPECT_EQ(Reason(journal_->Append(MakeCommit(4, 5))), "IO_FAILED");
}

INSTANTIATE_TEST_SUITE_P(
    Losses, LostJournalTest,
    ::testing::Values(
        Loss{"log_removed", [](const auto& disk) { fs::remove(disk.log()); }},
        Loss{"database_removed", [](const auto& disk) { fs::remove(disk.database()); }},
        Loss{"database_renamed",
             [](const auto& disk) { fs::rename(disk.database(), disk.database() + ".old"); }},
        Loss{"database_replaced",
             [](const auto& disk) {
               fs::copy_file(disk.database(), disk.Below("copy"));
               fs::rename(disk.Below("copy"), disk.database());
             }},
        Loss{"lock_removed", [](const auto& disk) { fs::remove(disk.state_dir() + "/lock"); }},
        Loss{"directory_renamed",
             [](const auto& disk) { fs::rename(disk.state_dir(), disk.Below("elsewhere")); }},
        Loss{"directory_removed", [](const auto& disk) { fs::remove_all(disk.state_dir()); }}),
    [](const auto& loss) { return std::string(loss.param.name); });

TEST(LostLogTest, WhatWasAcknowledgedBeforeTheLogWasRemovedIsKept) {
  JournalOnDisk disk;
  std::unique_ptr<Journal> journal = disk.Open();
  AppendUpTo(journal.get(), 20, /*size=*/1, /*padding=*/1000);
  fs::remove(disk.log());
  EXPECT_EQ(Reason(journal->CheckHeld()), "STATE_DIR_LOST");
  journal.reset();
  journal = disk.Open();
  ASSERT_NE(journal, nullptr);
  EXPECT_EQ(journal->head_revision(), 20);
  EXPECT_EQ(Revisions(*ReadAll(journal.get(), 0)), Range(1, 20));
}

}  // namespace
}  // namespace coordhub::journal
