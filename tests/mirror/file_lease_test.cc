#include "hub/mirror/file_lease.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <string>
#include <thread>

#include "agent/base/clock.h"
#include "agent/base/unique_fd.h"
#include "tests/agent/base/temp_dir.h"

namespace coordhub::mirror {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(30);

class FileLeaseTest : public ::testing::Test {
 protected:
  FileLeaseTest() { std::ofstream(path_) << "text\n"; }
  base::UniqueFd Open(int flags) const {
    return base::UniqueFd(open(path_.c_str(), flags | O_CLOEXEC));
  }

  base::TempDir temp_;
  const std::string path_ = temp_ / "file";
};

TEST_F(FileLeaseTest, IsHadWhenNobodyElseHasTheFileOpen) {
  const base::UniqueFd ours = Open(O_RDONLY);
  base::UniqueFd other = Open(O_WRONLY | O_APPEND);
  EXPECT_FALSE(TakeSoleUse(ours.get()));
  other = Open(O_RDONLY);
  EXPECT_FALSE(TakeSoleUse(ours.get())) << "a reader counts";
  other.Reset();
  EXPECT_TRUE(TakeSoleUse(ours.get()));
  EXPECT_TRUE(StillSoleUse(ours.get()));
}

TEST_F(FileLeaseTest, IsNotHadForLongWhenSomebodyAsks) {
  base::UniqueFd ours = Open(O_RDONLY);
  ASSERT_TRUE(TakeSoleUse(ours.get()));
  std::atomic<bool> opened{false};
  std::thread writer([&] {
    const base::UniqueFd fd = Open(O_WRONLY | O_APPEND);  // waits for us
    opened = fd.valid();
  });
  const base::SystemClock clock;
  const base::MonoTime end = clock.Mono() + kPatience;
  while (StillSoleUse(ours.get()) && clock.Mono() < end) sched_yield();
  EXPECT_FALSE(StillSoleUse(ours.get()));
  EXPECT_FALSE(opened) << "the lease holds it up";
  ours.Reset();
  writer.join();
  EXPECT_TRUE(opened);
}

}  // namespace
}  // namespace coordhub::mirror
