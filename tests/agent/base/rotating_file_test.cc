#include "agent/base/rotating_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "agent/base/error.h"
#include "tests/agent/base/temp_dir.h"

namespace coordhub::base {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

std::string Content(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

mode_t ModeOf(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 ? info.st_mode & 0777 : 0;
}

class RotatingFileTest : public ::testing::Test {
 protected:
  void ExpectUnfit(const std::string& why) {
    const absl::Status status = file_.Append("text\n");
    EXPECT_EQ(ReasonOf(status), v1::ERROR_REASON_IO_FAILED);
    EXPECT_EQ(MetadataOf(status, "path"), path_);
    EXPECT_THAT(std::string(status.message()), HasSubstr(why));
  }

  TempDir temp_;
  const std::string path_ = temp_ / "logs/app.log";
  RotatingFile file_{path_, {.max_bytes = 100, .max_files = 2}};
};

TEST_F(RotatingFileTest, MakesTheFileForThisUserAlone) {
  ASSERT_TRUE(file_.Append("one\n").ok());
  ASSERT_TRUE(file_.Append("two\n").ok());
  EXPECT_EQ(Content(path_), "one\ntwo\n");
  EXPECT_EQ(ModeOf(path_), 0600u);
  EXPECT_EQ(ModeOf(temp_ / "logs"), 0700u);
}

TEST_F(RotatingFileTest, GoesOnWithAFileThatIsThereAndLeavesItsModeAlone) {
  fs::create_directory(temp_ / "logs");
  std::ofstream(path_) << "old\n";
  ASSERT_EQ(chmod(path_.c_str(), 0644), 0);
  ASSERT_TRUE(file_.Append("new\n").ok());
  EXPECT_EQ(Content(path_), "old\nnew\n");
  EXPECT_EQ(ModeOf(path_), 0644u);
}

TEST_F(RotatingFileTest, RotatesBySizeAndKeepsAFew) {
  for (char c = 'a'; c <= 'd'; ++c) ASSERT_TRUE(file_.Append(std::string(79, c) + "\n").ok());
  EXPECT_EQ(Content(path_)[0], 'd');
  EXPECT_EQ(Content(temp_ / "logs/app.1.log")[0], 'c');
  EXPECT_EQ(Content(temp_ / "logs/app.2.log")[0], 'b');
  EXPECT_FALSE(fs::exists(temp_ / "logs/app.3.log"));
  ASSERT_TRUE(file_.Append(std::string(300, 'e') + "\n").ok());  // larger than a file
  EXPECT_EQ(Content(path_).size(), 301u);
  EXPECT_EQ(Content(temp_ / "logs/app.1.log")[0], 'd');
}

TEST_F(RotatingFileTest, NeedsNoOldFiles) {
  RotatingFile file(path_, {.max_bytes = 10, .max_files = 0});
  ASSERT_TRUE(file.Append("12345678\n").ok());
  ASSERT_TRUE(file.Append("abc\n").ok());
  EXPECT_EQ(Content(path_), "abc\n");
  EXPECT_EQ(std::distance(fs::directory_iterator(temp_ / "logs"), {}), 1);
}

TEST_F(RotatingFileTest, WhatSomebodyMovedAwayIsMadeAnew) {
  ASSERT_TRUE(file_.Append("one\n").ok());
  fs::rename(path_, temp_ / "logs/mine");
  ASSERT_TRUE(file_.Append("two\n").ok());
  EXPECT_EQ(Content(path_), "two\n");
  fs::remove_all(temp_ / "logs");
  ASSERT_TRUE(file_.Append("three\n").ok());
  EXPECT_EQ(Content(path_), "three\n");
}

TEST_F(RotatingFileTest, FollowsNoLinks) {
  std::ofstream(temp_ / "target") << "precious\n";
  fs::create_directory(temp_ / "logs");
  fs::create_symlink(temp_ / "target", path_);
  ExpectUnfit("symbolic link");
  fs::remove(path_);
  fs::create_hard_link(temp_ / "target", path_);
  ExpectUnfit("hard link");
  EXPECT_EQ(Content(temp_ / "target"), "precious\n");
  fs::remove(path_);
  EXPECT_TRUE(file_.Append("again\n").ok());  // heals
  // Also when the link comes later.
  fs::create_hard_link(path_, temp_ / "second");
  ExpectUnfit("hard link");
}

TEST_F(RotatingFileTest, NeitherWaitsForAFifoNorTakesADirectory) {
  fs::create_directory(temp_ / "logs");
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(ReasonOf(file_.Append("text\n")), v1::ERROR_REASON_IO_FAILED);
  fs::remove(path_);
  fs::create_directory(path_);
  EXPECT_EQ(ReasonOf(file_.Append("text\n")), v1::ERROR_REASON_IO_FAILED);
}

TEST_F(RotatingFileTest, ADirectoryThatIsNoneIsTold) {
  std::ofstream(temp_ / "logs") << "a file";
  EXPECT_EQ(ReasonOf(file_.Append("text\n")), v1::ERROR_REASON_IO_FAILED);
  EXPECT_EQ(ReasonOf(RotatingFile(temp_ / "a/b/c.log", {}).Append("text\n")),
            v1::ERROR_REASON_IO_FAILED);
}

TEST(RotatingFile, AFullDiskIsTold) {
  // A device that is always full is no regular file; so it is only reached through this check.
  EXPECT_EQ(ReasonOf(RotatingFile("/dev/full", {}).Append("text\n")), v1::ERROR_REASON_IO_FAILED);
}

}  // namespace
}  // namespace coordhub::base
