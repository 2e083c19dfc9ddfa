#include "agent/coordctl/worktree_id.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <thread>
#include <vector>

namespace coordhub::coordctl {
namespace {

class WorktreeIdTest : public testing::Test {
 protected:
  WorktreeIdTest() {
    std::string pattern = testing::TempDir() + "/worktreeXXXXXX";
    git_dir_ = mkdtemp(pattern.data());
  }
  ~WorktreeIdTest() override { std::filesystem::remove_all(git_dir_); }

  std::string git_dir_;
  base::SystemIdSource ids_;
};

TEST_F(WorktreeIdTest, IsGivenOnce) {
  ASSERT_TRUE(ReadWorktreeId(git_dir_).ok());
  EXPECT_FALSE(ReadWorktreeId(git_dir_)->has_value());
  const std::string id = EnsureWorktreeId(git_dir_, &ids_).value();
  EXPECT_EQ(EnsureWorktreeId(git_dir_, &ids_).value(), id);
  EXPECT_EQ(ReadWorktreeId(git_dir_)->value(), id);
}

TEST_F(WorktreeIdTest, AllWhoAskAtOnceGetTheSame) {
  std::vector<std::string> ids(8);
  std::vector<std::thread> threads;
  for (std::string& id : ids) {
    threads.emplace_back([&] { id = EnsureWorktreeId(git_dir_, &ids_).value(); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), 1u);
  // And nothing of the attempts stays.
  int files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(git_dir_)) ++files;
  EXPECT_EQ(files, 1);
}

TEST_F(WorktreeIdTest, ADamagedOneIsAnErrorUntilItIsReplaced) {
  std::ofstream(git_dir_ + "/coordhub-worktree") << "0123\n";
  EXPECT_FALSE(ReadWorktreeId(git_dir_).ok());
  EXPECT_TRUE(EnsureWorktreeId(git_dir_, &ids_).ok());
  EXPECT_TRUE(ReadWorktreeId(git_dir_).ok());
}

TEST_F(WorktreeIdTest, AllOfARepositoryAreFound) {
  std::set<std::string> given = {EnsureWorktreeId(git_dir_, &ids_).value()};
  for (const char* name : {"/worktrees/a", "/worktrees/b", "/worktrees/without"}) {
    std::filesystem::create_directories(git_dir_ + name);
  }
  given.insert(EnsureWorktreeId(git_dir_ + "/worktrees/a", &ids_).value());
  given.insert(EnsureWorktreeId(git_dir_ + "/worktrees/b", &ids_).value());
  EXPECT_EQ(WorktreeIdsOf(git_dir_), given);
}

}  // namespace
}  // namespace coordhub::coordctl
