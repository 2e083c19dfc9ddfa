#include "hub/main/log_tail.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "tests/agent/base/temp_dir.h"

namespace coordhub::hub {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class LogTailTest : public ::testing::Test {
 protected:
  // Each time a second later.
  void Append(const std::string& text) {
    std::ofstream(path_, std::ios::app | std::ios::binary) << text;
    const timespec times[] = {{++seconds_, 0}, {seconds_, 0}};
    ASSERT_EQ(utimensat(AT_FDCWD, path_.c_str(), times, 0), 0);
  }
  // As the writer of a log does it.
  void Rotate() const {
    std::rename((temp_ / "hub.1.log").c_str(), (temp_ / "hub.2.log").c_str());
    std::rename(path_.c_str(), (temp_ / "hub.1.log").c_str());
  }
  std::vector<std::string> Last(size_t count) {
    const auto lines = tail_.LastLines(count);
    EXPECT_TRUE(lines.ok()) << lines.status();
    return lines.value_or(std::vector<std::string>());
  }
  std::vector<std::string> Follow() {
    std::vector<std::string> lines;
    const absl::Status status =
        tail_.Follow([&lines](std::string_view line) { lines.emplace_back(line); });
    EXPECT_TRUE(status.ok()) << status;
    return lines;
  }

  base::TempDir temp_;
  const std::string path_ = temp_ / "hub.log";
  LogTail tail_{path_};
  time_t seconds_ = 1'000'000'000;
};

TEST_F(LogTailTest, ShowsTheLastLines) {
  EXPECT_THAT(Last(2), IsEmpty());
  Append("a\nb\n\nc\n");
  EXPECT_THAT(Last(0), IsEmpty());
  EXPECT_THAT(Last(1), ElementsAre("c"));
  EXPECT_THAT(Last(3), ElementsAre("b", "", "c"));
  EXPECT_THAT(Last(9), ElementsAre("a", "b", "", "c"));
}

TEST_F(LogTailTest, ReachesBackIntoRenamedFiles) {
  Append("a\nb\n");
  Rotate();
  Append("c\nd\n");
  Rotate();
  Append("e\n");
  EXPECT_THAT(Last(1), ElementsAre("e"));
  EXPECT_THAT(Last(2), ElementsAre("d", "e"));
  EXPECT_THAT(Last(4), ElementsAre("b", "c", "d", "e"));
  EXPECT_THAT(Last(100), ElementsAre("a", "b", "c", "d", "e"));
}

TEST_F(LogTailTest, GoesOnWhereTheLastLinesEnd) {
  Append("a\nb");
  EXPECT_THAT(Last(5), ElementsAre("a"));
  EXPECT_THAT(Follow(), IsEmpty()) << "half a line is none";
  Append("c\nd\ne");
  EXPECT_THAT(Follow(), ElementsAre("bc", "d"));
  Append("\n");
  EXPECT_THAT(Follow(), ElementsAre("e"));
  EXPECT_THAT(Follow(), IsEmpty());
}

TEST_F(LogTailTest, FollowsThroughRenaming) {
  Append("a\n");
  EXPECT_THAT(Last(0), IsEmpty());
  Append("b\n");
  Rotate();
  EXPECT_THAT(Follow(), ElementsAre("b")) << "the new file is not there yet";
  Append("c\n");
  EXPECT_THAT(Follow(), ElementsAre("c"));
  Append("d\n");
  Rotate();
  Append("e\n");
  EXPECT_THAT(Follow(), ElementsAre("d", "e"));
}

TEST_F(LogTailTest, FollowsThroughSeveralRenamingsAtOnce) {
  Append("a\n");
  EXPECT_THAT(Last(0), IsEmpty());
  Append("b\n");
  Rotate();
  Append("c\n");
  Rotate();
  Append("d\n");
  EXPECT_THAT(Follow(), ElementsAre("b", "c", "d"));
  // What the writer threw away is gone; nothing is told twice for it.
  for (const char* line : {"e\n", "f\n", "g\n", "h\n"}) {
    Rotate();
    Append(line);
  }
  EXPECT_THAT(Follow(), ElementsAre("f", "g", "h"));
}

TEST_F(LogTailTest, AFileThatIsMadeAnewIsNotTakenForARenamedOne) {
  Append("old\n");
  Rotate();
  Append("a\n");
  EXPECT_THAT(Last(0), IsEmpty());
  std::remove(path_.c_str());
  Append("b\n");
  EXPECT_THAT(Follow(), ElementsAre("b"));
}

TEST_F(LogTailTest, FollowsAFileThatComesLater) {
  EXPECT_THAT(Last(3), IsEmpty());
  EXPECT_THAT(Follow(), IsEmpty());
  Append("a\n");
  EXPECT_THAT(Follow(), ElementsAre("a"));
}

TEST_F(LogTailTest, BeginsAgainWhenTheFileWasEmptied) {
  Append("a\nb\n");
  EXPECT_THAT(Last(9), ElementsAre("a", "b"));
  ASSERT_EQ(truncate(path_.c_str(), 0), 0);
  Append("c\n");
  EXPECT_THAT(Follow(), ElementsAre("c"));
}

TEST_F(LogTailTest, LongFilesAndLinesCostBoundedMemory) {
  const std::string huge(1 << 20, 'x');
  for (int i = 0; i < 20; ++i) Append(std::to_string(i) + huge + "\n");
  Append("end\n");
  const std::vector<std::string> lines = Last(3);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0].substr(0, 3), "18x");
  EXPECT_EQ(lines[0].size(), LogTail::kMaxLineBytes);
  EXPECT_EQ(lines[2], "end");
  Append(huge + "\nafter\n");
  const std::vector<std::string> more = Follow();
  ASSERT_EQ(more.size(), 2u);
  EXPECT_EQ(more[0].size(), LogTail::kMaxLineBytes);
  EXPECT_EQ(more[1], "after");
}

TEST_F(LogTailTest, WhatIsNoFileIsRefused) {
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_FALSE(tail_.LastLines(1).ok());
}

TEST_F(LogTailTest, AChangeEndsTheWait) {
  Append("a\n");
  Last(0);
  tail_.AwaitChange(absl::Seconds(60));  // sets the watch up, and returns at once
  Append("b\n");
  tail_.AwaitChange(absl::Seconds(60));
  EXPECT_THAT(Follow(), ElementsAre("b"));
}

}  // namespace
}  // namespace coordhub::hub
