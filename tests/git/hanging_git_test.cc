// Git that takes its time, or hangs, keeps nobody from seeing branches, and does not outlive its
// observer.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "agent/base/error.h"
#include "agent/base/process.h"
#include "hub/git/observer.h"
#include "tests/git/live_observer.h"
#include "tests/git/scratch_repository.h"

namespace coordhub::git {
namespace {

using ::testing::ElementsAre;

// A program named git, first in the PATH, that waits until it is let go.
class HangingGitTest : public ::testing::Test {
 protected:
  HangingGitTest() : path_(std::getenv("PATH")) {
    repo_.InitWithCommit();
    repo_.Git("branch task-1");
    repo_.Write("new", "1");
    const std::string directory = repo_.Beside("bin");
    std::filesystem::create_directory(directory);
    repo_.Run("mkfifo ../gate");
    std::ofstream(directory + "/git")
        << "#!/bin/bash\necho $$ >> " << pids() << "\nread -r < " << repo_.Beside("gate")
        << "\nPATH=" << path_ << " exec git \"$@\"\n";
    std::filesystem::permissions(directory + "/git", std::filesystem::perms::owner_all);
  }
  ~HangingGitTest() override { setenv("PATH", path_.c_str(), 1); }

  std::string pids() const { return repo_.Beside("pids"); }
  void HangGit() const { setenv("PATH", (repo_.Beside("bin") + ":" + path_).c_str(), 1); }
  void AwaitGit() const {
    // Made by the redirection; the line comes after.
    while (!std::filesystem::exists(pids()) || std::filesystem::file_size(pids()) == 0) {
      std::this_thread::yield();
    }
  }
  // Those that wait, and those to come.
  void LetGitGo() const {
    setenv("PATH", path_.c_str(), 1);
    repo_.Run("echo > ../gate");
  }

  const std::string path_;
  ScratchRepository repo_;
};

TEST_F(HangingGitTest, BranchesAreSeenAndCountsFollow) {
  HangGit();
  ObserverOptions options;
  options.patience = absl::Milliseconds(10);
  LiveObserver live(repo_.common_dir(), std::move(options));
  const auto heads = (*live).ObserveHeads();
  ASSERT_TRUE(heads.ok()) << heads.status();
  EXPECT_NE((*heads)->FindBranch("task-1"), nullptr);
  EXPECT_FALSE((*heads)->FindMainWorktree()->has_count_time());
  const ObservationPtr waited = live.Observe();
  EXPECT_NE(waited->FindBranch("task-1"), nullptr);
  EXPECT_FALSE(waited->FindMainWorktree()->has_count_time()) << "nobody waits for ever";
  AwaitGit();
  LetGitGo();
  EXPECT_TRUE(
      live.Await([](const auto& seen) { return seen.FindMainWorktree()->changed_files() == 1; }));
}

TEST_F(HangingGitTest, AHeadThatMovesMeanwhileIsSeen) {
  LiveObserver live(repo_.common_dir());
  live.Observe();
  HangGit();
  repo_.Run("echo x >> file");
  ASSERT_TRUE((*live).ObserveHeads().ok());
  repo_.Run("PATH=" + path_ + " git branch task-2");
  const auto seen = (*live).ObserveHeads();
  ASSERT_TRUE(seen.ok()) << seen.status();
  EXPECT_NE((*seen)->FindBranch("task-2"), nullptr);
  EXPECT_EQ((*seen)->FindMainWorktree()->changed_files(), 1) << "what was counted stays";
}

TEST_F(HangingGitTest, ItEndsWithItsObserver) {
  HangGit();
  {
    LiveObserver live(repo_.common_dir());
    ASSERT_TRUE((*live).ObserveHeads().ok());
    AwaitGit();
  }
  pid_t pid = 0;
  std::ifstream(pids()) >> pid;
  ASSERT_GT(pid, 0);
  EXPECT_FALSE(base::ProcessExists(pid)) << "it was waited for";
}

TEST_F(HangingGitTest, WhoWaitsForItIsLetGoByTheStop) {
  HangGit();
  ObserverOptions options;
  options.patience = absl::Hours(1);
  LiveObserver live(repo_.common_dir(), std::move(options));
  std::thread waits([&] { EXPECT_NE(live.Observe()->FindBranch("task-1"), nullptr); });
  AwaitGit();
  (*live).Stop();
  waits.join();
}

// A look that hangs, wherever: here where it asks which branches agents have.
TEST_F(HangingGitTest, AnothersLookIsWaitedForWithPatienceOnly) {
  base::Mutex mu;
  base::CondVar changed;
  bool hangs = true;
  bool entered = false;
  ObserverOptions options;
  options.patience = absl::Milliseconds(10);
  options.agent_branches = [&] {
    base::MutexLock lock(&mu);
    entered = true;
    changed.SignalAll();
    while (hangs) changed.Wait(&mu);
    return std::vector<std::string>();
  };
  LiveObserver live(repo_.common_dir(), std::move(options));
  const auto look = [&] { return std::thread([&] { (void)(*live).ObserveHeads(); }); };
  const auto await_look = [&] {
    base::MutexLock lock(&mu);
    while (!entered) changed.Wait(&mu);
  };
  const auto let_go = [&](std::thread* looks) {
    {
      base::MutexLock lock(&mu);
      hangs = false;
      changed.SignalAll();
    }
    looks->join();
  };
  std::thread first = look();
  await_look();
  EXPECT_EQ(base::ReasonOf((*live).Observe().status()), v1::ERROR_REASON_NOT_OBSERVED);
  let_go(&first);
  const ObservationPtr newest = (*live).latest();
  ASSERT_NE(newest, nullptr);
  {
    base::MutexLock lock(&mu);
    hangs = true;
    entered = false;
  }
  std::thread second = look();
  await_look();
  EXPECT_EQ(live.Observe(), newest);
  let_go(&second);
}

}  // namespace
}  // namespace coordhub::git
