// Worktrees removed from real repositories.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "tests/git/worktree_changes_fixture.h"

namespace coordhub::git {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

class WorktreeRemovalTest : public WorktreeChangesTest {};

TEST_F(WorktreeRemovalTest, AMergedAndCleanWorktreeGoesAndItsBranchStays) {
  ASSERT_TRUE(Make("task-1").ok());
  const std::string top = repo_.Beside("task-1");
  repo_.Run("mkdir -p deep/er; echo x > deep/er/a.o; chmod a-w deep/er; echo y > b.o", top);
  const auto removed = Remove("task-1");
  ASSERT_TRUE(removed.ok()) << removed.status();
  EXPECT_EQ(removed->branch, "task-1");
  EXPECT_EQ(removed->commit, repo_.Git("rev-parse main"));
  EXPECT_EQ(removed->ignored, 2) << "without the link";
  EXPECT_FALSE(fs::exists(top));
  EXPECT_TRUE(fs::exists(repo_.top() + "/shared_state/tickets.md")) << "no link is followed";
  EXPECT_NE(repo_.Git("branch --list task-1"), "");
  EXPECT_EQ(repo_.Git("worktree list | wc -l"), "1");
  ExpectNoRest();
}

TEST_F(WorktreeRemovalTest, UncommittedAndUntrackedWorkIsNeverLost) {
  ASSERT_TRUE(Make("task-1").ok());
  const std::string top = repo_.Beside("task-1");
  const auto reset = [&] { repo_.Run("git reset -q --hard main; git clean -qfd", top); };
  repo_.Run("echo two > file", top);
  ExpectStays("task-1", "1 file is changed or untracked (file)");
  reset();
  repo_.Run("echo two > file; git add file", top);
  ExpectStays("task-1", "(file)");
  reset();
  repo_.Run("echo two > new", top);
  ExpectStays("task-1", "(new)");
  repo_.Git("config status.showUntrackedFiles no");
  ExpectStays("task-1", "(new)");
  repo_.Git("config --unset status.showUntrackedFiles");
  reset();
  repo_.Git("rm -q file", top);
  ExpectStays("task-1", "(file)");
  reset();
  repo_.Run("git update-index --assume-unchanged file; echo two > file", top);
  EXPECT_EQ(repo_.Git("status --porcelain", top), "") << "git does not see it";
  ExpectStays("task-1", "(file)");
  repo_.Run("git update-index --no-assume-unchanged file; git update-index --skip-worktree file",
            top);
  ExpectStays("task-1", "(file)");
  repo_.Run("echo one > file", top);
  EXPECT_TRUE(Remove("task-1").ok()) << "nothing is changed";
}

TEST_F(WorktreeRemovalTest, NamesOfFilesAreMadeHarmless) {
  ASSERT_TRUE(Make("task-1").ok());
  repo_.Run("touch $'a\\nb\\e[31m'", repo_.Beside("task-1"));
  const auto removed = Remove("task-1");
  EXPECT_THAT(std::string(removed.status().message()), Not(HasSubstr("\n")));
  EXPECT_THAT(std::string(removed.status().message()), Not(HasSubstr("\x1b")));
}

TEST_F(WorktreeRemovalTest, WorkThatIsUnderWayIsNotCutOff) {
  ASSERT_TRUE(Make("task-1").ok());
  const std::string top = repo_.Beside("task-1");
  repo_.Run("echo two > file; git commit -qam two", top);
  repo_.Run("echo three > file; git commit -qam three");
  const std::pair<const char*, const char*> cases[] = {{"merge main", "a merge"},
                                                       {"rebase main", "a rebase"},
                                                       {"cherry-pick main", "a cherry-pick"}};
  for (const auto& [command, clause] : cases) {
    repo_.Run(absl::StrCat("! git ", command), top);
    ExpectStays("task-1", absl::StrCat(clause, " is under way"));
    repo_.Run(absl::StrCat("git ", std::string(command).substr(0, std::string(command).find(' ')),
                           " --abort"),
              top);
  }
  repo_.Run("git bisect start", top);
  ExpectStays("task-1", "a bisection is under way");
  repo_.Run("git bisect reset", top);
  repo_.Git("worktree lock --reason 'on a stick' ../task-1");
  ExpectStays("task-1", "it is locked: on a stick");
}

TEST_F(WorktreeRemovalTest, CommitsThatTheTargetLacksAreToldAndMayBeLeftOnTheBranch) {
  ASSERT_TRUE(Make("task-1").ok());
  const std::string top = repo_.Beside("task-1");
  repo_.Run("git commit -q --allow-empty -m a; git commit -q --allow-empty -m b", top);
  ExpectStays("task-1", "main lacks 2 commits of its branch");
  EXPECT_EQ(base::MetadataOf(Remove("task-1").status(), "unmerged_commits"), "2");
  WorktreeRemoval removal = Removal();
  removal.allow_unmerged = true;
  const std::string head = repo_.Git("rev-parse task-1");
  const auto removed = RemoveWorktree(Work("task-1"), removal);
  ASSERT_TRUE(removed.ok()) << removed.status();
  EXPECT_EQ(repo_.Git("rev-parse task-1"), head);
}

TEST_F(WorktreeRemovalTest, CommitsOnNoBranchAreNeverLost) {
  ASSERT_TRUE(Make("task-1").ok());
  const std::string top = repo_.Beside("task-1");
  repo_.Run("git switch -q --detach; git commit -q --allow-empty -m a", top);
  WorktreeRemoval removal = Removal();
  removal.allow_unmerged = true;
  const auto removed = RemoveWorktree(Work("task-1"), removal);
  EXPECT_THAT(std::string(removed.status().message()),
              HasSubstr("1 commits of it are on no branch"));
  repo_.Run("git branch keep", top);
  EXPECT_TRUE(RemoveWorktree(Work("task-1"), removal).ok());
}

TEST_F(WorktreeRemovalTest, OtherThingsThatLieInItStay) {
  ASSERT_TRUE(Make("task-1").ok());
  repo_.Run("mkdir -p ../task-1/x.o; git worktree add -q -b inner ../task-1/x.o/inner");
  EXPECT_EQ(repo_.Git("status --porcelain", repo_.Beside("task-1")), "") << "it is ignored";
  ExpectStays("task-1", "lies in it");
}

TEST_F(WorktreeRemovalTest, ASubmoduleKeepsIt) {
  repo_.Run("git init -q ../sub; cd ../sub; git commit -q --allow-empty -m s");
  repo_.Git("submodule add -q ../sub sub");
  repo_.CommitAll("a submodule");
  ASSERT_TRUE(Make("task-1").ok());
  ASSERT_TRUE(Make("task-2").ok());
  repo_.Git("submodule update -q --init", repo_.Beside("task-1"));
  ExpectStays("task-1", "a submodule is in it");
  EXPECT_TRUE(Remove("task-2").ok()) << "there it was never checked out";
}

TEST_F(WorktreeRemovalTest, TheMainWorktreeAndWhatIsNoneAreRefused) {
  EXPECT_EQ(FieldOf(Remove("repo").status()), "path");
  EXPECT_EQ(base::ReasonOf(Remove("nowhere").status()), v1::ERROR_REASON_WORKTREE_NOT_FOUND);
  fs::create_directory(repo_.Beside("plain"));
  EXPECT_EQ(base::ReasonOf(Remove("plain").status()), v1::ERROR_REASON_WORKTREE_NOT_FOUND);
  ASSERT_TRUE(Make("task-1").ok());
  fs::remove(repo_.Beside("task-1") + "/.git");
  EXPECT_EQ(base::ReasonOf(Remove("task-1").status()), v1::ERROR_REASON_WORKTREE_DIRTY);
  EXPECT_TRUE(fs::exists(repo_.Beside("task-1") + "/file"));
}

TEST_F(WorktreeRemovalTest, WhatIsWrittenBetweenTheTwoLooksBringsItBack) {
  ASSERT_TRUE(Make("task-1").ok());
  WorktreeWork work = Work("task-1");
  work.progress = [&](int percent, std::string_view) {
    // As an agent does whose working directory it is.
    if (percent == 40) repo_.Run("echo mine > ../.coordhub-worktree-off-log-O-1/tree/new");
  };
  const auto removed = RemoveWorktree(work, Removal());
  EXPECT_EQ(base::ReasonOf(removed.status()), v1::ERROR_REASON_WORKTREE_DIRTY);
  EXPECT_EQ(repo_.Run("cat new", repo_.Beside("task-1")), "mine");
  ExpectNoRest();
}

TEST_F(WorktreeRemovalTest, WhoComesToWorkInItBetweenTheTwoLooksKeepsIt) {
  ASSERT_TRUE(Make("task-1").ok());
  WorktreeRemoval removal = Removal();
  int asked = 0;
  removal.check_free = [&](const std::string& path) {
    EXPECT_EQ(path, repo_.Beside("task-1"));
    return ++asked == 2 ? base::MakeError(v1::ERROR_REASON_WORKTREE_HELD, "held")
                        : absl::OkStatus();
  };
  const auto removed = RemoveWorktree(Work("task-1"), removal);
  EXPECT_EQ(base::ReasonOf(removed.status()), v1::ERROR_REASON_WORKTREE_HELD);
  EXPECT_EQ(repo_.Git("status --porcelain", repo_.Beside("task-1")), "");
}

}  // namespace
}  // namespace coordhub::git
