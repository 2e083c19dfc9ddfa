#include "hub/git/scratch_worktree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "agent/base/clock.h"
#include "agent/base/error.h"
#include "hub/git/observer.h"
#include "tests/git/scratch_repository.h"

namespace coordhub::git {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class ScratchWorktreeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    repo_.InitWithCommit();
    fs::create_directories(trees_);
  }
  std::string Tree(const std::string& name) const { return trees_ + "/" + name; }
  absl::Status Make(const std::string& name, const std::string& commit = "HEAD") const {
    return MakeScratchWorktree(repo_.common_dir(), Tree(name), commit, nullptr);
  }
  absl::Status Remove(const std::string& name) const {
    return RemoveScratchWorktree(repo_.common_dir(), Tree(name));
  }

  ScratchRepository repo_;
  const std::string trees_ = repo_.common_dir() + "/coordhub/trees";
};

TEST_F(ScratchWorktreeTest, IsMadeOfACommitAndRemovedWithAllThatIsInIt) {
  ASSERT_TRUE(Make("O-1").ok());
  EXPECT_EQ(repo_.Git("rev-parse HEAD", Tree("O-1")), repo_.Git("rev-parse HEAD"));
  EXPECT_EQ(repo_.Git("branch --show-current", Tree("O-1")), "");
  repo_.Run("echo more > more; mkdir shut; echo x > shut/x; chmod 0 shut", Tree("O-1"));
  repo_.Git("worktree lock " + Tree("O-1"));
  EXPECT_THAT(ListScratchWorktrees(repo_.common_dir(), trees_), ElementsAre(Tree("O-1")));
  const absl::Status removed = Remove("O-1");
  EXPECT_TRUE(removed.ok()) << removed;
  EXPECT_FALSE(fs::exists(Tree("O-1")));
  EXPECT_THAT(repo_.Git("worktree list"), Not(HasSubstr("O-1")));
  EXPECT_TRUE(Remove("O-1").ok()) << "nothing is there";
}

TEST_F(ScratchWorktreeTest, WhatIsLeftOfOneIsFoundAndRemoved) {
  ASSERT_TRUE(Make("without-directory").ok());
  fs::remove_all(Tree("without-directory"));
  fs::create_directory(Tree("without-git"));
  repo_.Git("worktree add -q ../mine");
  EXPECT_THAT(ListScratchWorktrees(repo_.common_dir(), trees_),
              ElementsAre(Tree("without-directory"), Tree("without-git")));
  EXPECT_TRUE(Remove("without-directory").ok());
  EXPECT_TRUE(Remove("without-git").ok());
  EXPECT_THAT(ListScratchWorktrees(repo_.common_dir(), trees_), IsEmpty());
  EXPECT_THAT(repo_.Git("worktree list"), HasSubstr("mine"));
}

TEST_F(ScratchWorktreeTest, OneThatCannotBeMadeLeavesNothing) {
  const absl::Status made = Make("O-1", std::string(40, '0'));
  EXPECT_EQ(base::ReasonOf(made), v1::ERROR_REASON_IO_FAILED);
  EXPECT_EQ(base::MetadataOf(made, "path"), Tree("O-1"));
  EXPECT_FALSE(fs::exists(Tree("O-1")));
  EXPECT_FALSE(
      MakeScratchWorktree(repo_.common_dir(), Tree("O-2"), "HEAD", [] { return true; }).ok())
      << "cancelled";
  EXPECT_THAT(ListScratchWorktrees(repo_.common_dir(), trees_), IsEmpty());
}

TEST_F(ScratchWorktreeTest, IsNotAmongTheWorktreesThatAreObserved) {
  base::SystemClock clock;
  ObserverOptions options;
  options.clock = &clock;
  options.hub_worktrees = repo_.common_dir() + "/coordhub";
  auto observer = Observer::Open(repo_.common_dir(), std::move(options));
  ASSERT_TRUE(observer.ok()) << observer.status();
  ASSERT_TRUE(Make("O-1").ok());
  repo_.Git("worktree add -q ../mine");
  const auto seen = (*observer)->Observe();
  ASSERT_TRUE(seen.ok()) << seen.status();
  std::vector<std::string> names;
  for (const v1::Worktree& worktree : (*seen)->worktrees) names.push_back(worktree.name());
  EXPECT_THAT(names, ::testing::UnorderedElementsAre("", "mine"));
}

TEST_F(ScratchWorktreeTest, ABranchIsItsCommitNow) {
  const auto head = ResolveBranch(repo_.common_dir(), "main");
  ASSERT_TRUE(head.ok()) << head.status();
  EXPECT_EQ(*head, repo_.Git("rev-parse main"));
  repo_.Git("tag v1");
  for (const char* name : {"nowhere", "v1", "HEAD", "--all", "main~0", ""}) {
    EXPECT_EQ(base::ReasonOf(ResolveBranch(repo_.common_dir(), name).status()),
              v1::ERROR_REASON_BRANCH_NOT_FOUND)
        << name;
  }
}

}  // namespace
}  // namespace coordhub::git
