// A disk that is full or read-only: reported, nothing lost, and over as soon as the disk is well.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <filesystem>
#include <string>

#include "tests/mirror/shared_state_fixture.h"

namespace coordhub::mirror {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// shared_state/ on a file system of its own, of 128 KiB.
class DiskTest : public SharedStateTest {
 protected:
  void SetUp() override {
    mount_point_ = temp_.path() + "/disk";
    fs::create_directory(mount_point_);
    mounted_ = mount("none", mount_point_.c_str(), "tmpfs", 0, "size=128k") == 0;
    if (!mounted_) GTEST_SKIP() << "may not mount a file system";
    options_.directory = directory_ = mount_point_ + "/shared_state";
    hub_.Create("one");
    Start();
    ASSERT_EQ(mirror_->problem(), "");
    Settle();
  }
  void TearDown() override {
    if (mounted_) umount(mount_point_.c_str());
  }

  std::string mount_point_;
  bool mounted_ = false;
};

TEST_F(DiskTest, AFullDiskIsReportedAndHeals) {
  const std::string before = Read("tickets.md");
  Append("tickets.md", "appended\n");
  std::ofstream(mount_point_ + "/filler") << std::string(1 << 20, 'x');
  hub_.Create("two");
  Settle();
  EXPECT_THAT(mirror_->problem(), HasSubstr("No space left"));
  EXPECT_EQ(Read("tickets.md"), before + "appended\n") << "the old file is whole";
  fs::remove(mount_point_ + "/filler");
  Settle();
  EXPECT_EQ(mirror_->problem(), "");
  EXPECT_THAT(TitlesInOrder(), ElementsAre("one", "two", "appended"));
  EXPECT_THAT(Read("tickets.md"), HasSubstr("T-3 OPEN p2 appended\n"));
  EXPECT_THAT(Names(), ElementsAre("inbox", "status.md", "tickets.md"));
}

TEST_F(DiskTest, AReadOnlyDiskIsReportedAndHeals) {
  Append("tickets.md", "appended\n");
  ASSERT_EQ(mount("none", mount_point_.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr), 0);
  hub_.Create("two");
  Settle();
  EXPECT_THAT(mirror_->problem(), HasSubstr("Read-only file system"));
  ASSERT_EQ(mount("none", mount_point_.c_str(), nullptr, MS_REMOUNT, nullptr), 0);
  Settle();
  EXPECT_EQ(mirror_->problem(), "");
  EXPECT_THAT(TitlesInOrder(), ElementsAre("one", "two", "appended"));
}

}  // namespace
}  // namespace coordhub::mirror
