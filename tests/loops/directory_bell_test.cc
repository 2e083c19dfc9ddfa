// The kernel's notifications about a directory, as a bell.
#include "hub/loops/directory_bell.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "agent/base/clock.h"
#include "agent/base/mutex.h"
#include "tests/agent/base/temp_dir.h"

namespace coordhub::loops {
namespace {

// Of a test that hangs.
constexpr absl::Duration kPatience = absl::Seconds(60);

class DirectoryBellTest : public ::testing::Test {
 protected:
  DirectoryBellTest() { std::filesystem::create_directory(directory_); }

  bool AwaitRings(int rings) {
    const base::MonoTime deadline = clock_.Mono() + kPatience;
    base::MutexLock lock(&mu_);
    while (rings_ < rings) {
      const absl::Duration left = deadline - clock_.Mono();
      if (left <= absl::ZeroDuration()) return false;
      rang_.WaitWithTimeout(&mu_, left);
    }
    return true;
  }
  int rings() {
    base::MutexLock lock(&mu_);
    return rings_;
  }
  void Append(const std::string& name) const {
    std::ofstream(directory_ + "/" + name, std::ios::app) << "line\n";
  }

  base::TempDir temp_;
  const std::string directory_ = temp_.path() + "/watched";
  base::SystemClock clock_;
  base::Mutex mu_;
  base::CondVar rang_;
  int rings_ ABSL_GUARDED_BY(mu_) = 0;
  DirectoryBell bell_{[this] {  // last: it uses all of the above
    base::MutexLock lock(&mu_);
    ++rings_;
    rang_.SignalAll();
  }};
};

TEST_F(DirectoryBellTest, RingsForAFileThatComesIsWrittenToAndGoes) {
  ASSERT_TRUE(bell_.Arm({directory_}));
  Append("file");
  ASSERT_TRUE(AwaitRings(1));
  ASSERT_TRUE(bell_.Arm({directory_}));
  Append("file");
  ASSERT_TRUE(AwaitRings(2));
  ASSERT_TRUE(bell_.Arm({directory_}));
  std::filesystem::remove(directory_ + "/file");
  ASSERT_TRUE(AwaitRings(3));
}

TEST_F(DirectoryBellTest, RingsOnceHoweverMuchChanges) {
  ASSERT_TRUE(bell_.Arm({directory_}));
  for (int i = 0; i < 1000; ++i) Append("file" + std::to_string(i));
  ASSERT_TRUE(AwaitRings(1));
  ASSERT_TRUE(bell_.Arm({directory_}));
  Append("file");
  ASSERT_TRUE(AwaitRings(2));
  EXPECT_EQ(rings(), 2);
}

TEST_F(DirectoryBellTest, ADirectoryInThePlaceOfAnotherIsWatched) {
  ASSERT_TRUE(bell_.Arm({directory_}));
  std::filesystem::rename(directory_, directory_ + "-before");
  ASSERT_TRUE(AwaitRings(1)) << "that it went";
  EXPECT_FALSE(bell_.Arm({directory_})) << "there is none to watch";
  std::filesystem::create_directory(directory_);
  ASSERT_TRUE(bell_.Arm({directory_}));
  Append("file");
  ASSERT_TRUE(AwaitRings(2));
}

TEST_F(DirectoryBellTest, ALinkToADirectoryIsNotFollowed) {
  std::filesystem::create_directory_symlink(directory_, temp_.path() + "/link");
  EXPECT_FALSE(bell_.Arm({temp_.path() + "/link"}));
}

}  // namespace
}  // namespace coordhub::loops
