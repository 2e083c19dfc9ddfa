// Worktrees made in real repositories, and what a crash leaves of making and removing them.

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
using State = WorktreeRecovery::State;

TEST_F(WorktreeChangesTest, AWorktreeIsWhatGitMakesAndHasTheLink) {
  const auto made = Make("task-1");
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->path, repo_.Beside("task-1"));
  EXPECT_EQ(made->commit, repo_.Git("rev-parse main"));
  const std::string top = repo_.Beside("task-1");
  EXPECT_EQ(repo_.Git("branch --show-current", top), "task-1");
  EXPECT_EQ(repo_.Git("status --porcelain", top), "") << "the link is excluded";
  EXPECT_EQ(repo_.Git("config --get-regexp '^branch[.]' || true"), "") << "it tracks nothing";
  EXPECT_EQ(fs::read_symlink(top + "/shared_state"), repo_.top() + "/shared_state");
  EXPECT_EQ(repo_.Run("cat file", top), "one");
  EXPECT_THAT(repo_.Git("reflog task-1"), HasSubstr("Created from"));
  EXPECT_THAT(repo_.Git("worktree list --porcelain"), Not(HasSubstr("locked")));
  EXPECT_EQ(repo_.Git("worktree prune -v"), "");
  repo_.Git("worktree move ../task-1 ../elsewhere");
  repo_.Git("worktree remove ../elsewhere");
  ExpectNoRest();
}

TEST_F(WorktreeChangesTest, ItStartsWhereItIsTold) {
  const std::string first = repo_.Git("rev-parse main~1");
  repo_.Git("branch old main~1");
  // A tag of the same name: git would ask which.
  repo_.Git("tag old main");
  for (const std::string& start : {std::string("old"), first, first.substr(0, 10)}) {
    const std::string name = "of-" + start;
    const auto made = Make(name, {.branch = name, .start_point = start});
    ASSERT_TRUE(made.ok()) << made.status();
    EXPECT_EQ(made->commit, first);
  }
  for (const std::string start : {"nowhere", "main^{tree}", "HEAD:file"}) {
    const auto made = Make("bad", {.branch = "bad", .start_point = start});
    EXPECT_EQ(base::ReasonOf(made.status()), v1::ERROR_REASON_BRANCH_NOT_FOUND) << start;
  }
  const auto option = Make("bad", {.branch = "bad", .start_point = "--all"});
  EXPECT_EQ(FieldOf(option.status()), "start_point");
  EXPECT_EQ(repo_.Git("branch --list bad"), "");
  ExpectNoRest();
}

TEST_F(WorktreeChangesTest, ABranchIsMadeOnceAndCheckedOutOnce) {
  ASSERT_TRUE(Make("task-1").ok());
  EXPECT_EQ(FieldOf(Make("other", {.branch = "task-1"}).status()), "branch");
  const auto twice = Make("other", {.branch = "task-1", .existing_branch = true});
  EXPECT_EQ(FieldOf(twice.status()), "branch");
  EXPECT_THAT(std::string(twice.status().message()), HasSubstr(repo_.Beside("task-1")));
  EXPECT_EQ(FieldOf(Make("other", {.branch = "main", .existing_branch = true}).status()), "branch");
  const auto missing = Make("other", {.branch = "task-9", .existing_branch = true});
  EXPECT_EQ(base::ReasonOf(missing.status()), v1::ERROR_REASON_BRANCH_NOT_FOUND);
  repo_.Git("branch task-2 main~1");
  const auto existing = Make("other", {.branch = "task-2", .existing_branch = true});
  ASSERT_TRUE(existing.ok()) << existing.status();
  EXPECT_EQ(repo_.Git("status --porcelain", repo_.Beside("other")), "");
  EXPECT_EQ(repo_.Git("branch --show-current", repo_.Beside("other")), "task-2");
}

TEST_F(WorktreeChangesTest, ABranchThatIsBeingRebasedIsCheckedOut) {
  ASSERT_TRUE(Make("task-1").ok());
  const std::string top = repo_.Beside("task-1");
  repo_.Run("echo two > file; git commit -qam two", top);
  repo_.Run("echo three > file; git commit -qam three");
  repo_.Run("! git rebase main", top);
  EXPECT_EQ(repo_.Git("branch --show-current", top), "");
  const auto twice = Make("other", {.branch = "task-1", .existing_branch = true});
  EXPECT_EQ(FieldOf(twice.status()), "branch");
}

TEST_F(WorktreeChangesTest, NamesThatGitRefusesAreRefused) {
  repo_.Git("branch a");
  for (const std::string name : {"HEAD", "-x", "a..b", "x.lock", "a/b", ".x", "x/"}) {
    const auto made = Make("bad", {.branch = name});
    EXPECT_EQ(FieldOf(made.status()), "branch") << name << " " << made.status();
  }
  EXPECT_FALSE(fs::exists(repo_.Beside("bad")));
  ExpectNoRest();
}

TEST_F(WorktreeChangesTest, WhatIsThereIsLeftAlone) {
  repo_.Run("mkdir ../full; echo precious > ../full/x; ln -s full ../link; echo file > ../plain");
  for (const std::string name : {"full", "link", "plain", "repo/.git/x", "repo/sub/.git/x"}) {
    const auto made = Make(name, {.branch = "b"});
    EXPECT_EQ(FieldOf(made.status()), "path") << name;
  }
  EXPECT_EQ(repo_.Run("cat ../full/x"), "precious");
  fs::create_directory(repo_.Beside("empty"));
  EXPECT_TRUE(Make("empty").ok());
  EXPECT_TRUE(Make("new/and/deep", {.branch = "deep"}).ok());
  const auto below = Make("deep2", {.branch = "deep2", .only_below = repo_.Beside("new")});
  EXPECT_EQ(FieldOf(below.status()), "path");
  repo_.Run("ln -s .. ../new/up");
  const auto out = Make("new/up/deep2", {.branch = "deep2", .only_below = repo_.Beside("new")});
  EXPECT_EQ(FieldOf(out.status()), "path") << "a link leads out";
  EXPECT_EQ(repo_.Git("branch --list b 'deep2'"), "");
  ExpectNoRest();
}

TEST_F(WorktreeChangesTest, APlaceThatGitStillKnowsIsNotTaken) {
  ASSERT_TRUE(Make("task-1").ok());
  fs::remove_all(repo_.Beside("task-1"));
  EXPECT_EQ(FieldOf(Make("task-1", {.branch = "again"}).status()), "path");
  // And can be given up.
  const auto removed = Remove("task-1");
  EXPECT_TRUE(removed.ok()) << removed.status();
  EXPECT_TRUE(Make("task-1", {.branch = "again"}).ok());
}

TEST_F(WorktreeChangesTest, TheRepositorysOwnLinksLeadNowhere) {
  repo_.Run("mkdir ../outside; ln -s ../outside sub; git rm -q -r --cached shared_state || true");
  repo_.CommitAll("a link");
  WorktreeWork work = Work("task-1");
  work.link_path = "sub/shared_state";
  const auto made = MakeWorktree(work, {.branch = "task-1"});
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_TRUE(fs::is_empty(repo_.Beside("outside")));
}

TEST_F(WorktreeChangesTest, NoHookRuns) {
  for (const std::string hook : {"post-checkout", "reference-transaction", "post-index-change"}) {
    repo_.Write(".git/hooks/" + hook, "#!/bin/sh\necho ran >> " + repo_.Beside("ran") + "\n");
    repo_.Run("chmod +x .git/hooks/" + hook);
  }
  ASSERT_TRUE(Make("task-1").ok());
  ASSERT_TRUE(Remove("task-1").ok());
  EXPECT_FALSE(fs::exists(repo_.Beside("ran")));
}

TEST_F(WorktreeChangesTest, APartlyCheckedOutRepositoryStaysOne) {
  repo_.Write("kept/a", "a");
  repo_.Write("left/b", "b");
  repo_.CommitAll("directories");
  repo_.Git("sparse-checkout set kept");
  ASSERT_TRUE(Make("task-1").ok());
  const std::string top = repo_.Beside("task-1");
  EXPECT_TRUE(fs::exists(top + "/kept/a"));
  EXPECT_FALSE(fs::exists(top + "/left"));
  EXPECT_EQ(repo_.Git("status --porcelain", top), "");
  EXPECT_TRUE(Remove("task-1").ok());
}

// ---- many at once ----

TEST_F(WorktreeChangesTest, ManyAtOnceBesideGitByHandDisturbNobody) {
  constexpr int kThreads = 4;
  constexpr int kEach = 10;
  std::atomic<bool> stop{false};
  std::string by_hand;
  std::thread hand([&] {
    for (int i = 0; !stop; ++i) {
      by_hand += repo_.Run(absl::StrCat("git worktree add -q -b hand-", i, " ../hand/", i,
                                        " || echo failed; git worktree remove ../hand/", i,
                                        " || echo failed"));
    }
  });
  std::vector<std::thread> threads;
  std::vector<std::string> failures(kThreads);
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        const std::string name = absl::StrCat("w-", t, "-", i);
        // Of the same name for git.
        WorktreeWork work = Work(name + "/same", absl::StrCat("log-", name));
        const auto made = MakeWorktree(work, {.branch = name});
        if (!made.ok()) failures[t] += made.status().ToString();
        if (i % 2 == 1) continue;
        work.id += "-off";
        const auto removed = RemoveWorktree(work, Removal());
        if (!removed.ok()) failures[t] += removed.status().ToString();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  stop = true;
  hand.join();
  for (const std::string& failure : failures) EXPECT_EQ(failure, "");
  EXPECT_THAT(by_hand, Not(HasSubstr("failed")));
  EXPECT_EQ(repo_.Git("worktree list | grep -c same"), absl::StrCat(kThreads * kEach / 2));
  EXPECT_EQ(repo_.Git("branch --list 'w-*' | wc -l"), absl::StrCat(kThreads * kEach));
  EXPECT_EQ(repo_.Git("fsck --no-progress"), "");
  EXPECT_EQ(repo_.Git("worktree prune -v"), "");
  ExpectNoRest();
}

TEST_F(WorktreeChangesTest, OfTwoForOneBranchOneGetsIt) {
  repo_.Git("branch task-1");
  std::atomic<int> made{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const std::string name = absl::StrCat("w-", t);
      if (MakeWorktree(Work(name, "log-" + name), {.branch = "task-1", .existing_branch = true})
              .ok()) {
        ++made;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(made, 1);
  EXPECT_EQ(repo_.Git("worktree list | grep -c task-1"), "1");
  ExpectNoRest();
}

// ---- a process that ends in the middle ----

TEST_F(WorktreeChangesTest, WhateverStepIsCutOffThereIsAWorktreeOrThereIsNone) {
  for (const bool existing : {false, true}) {
    for (const int percent : {0, 10, 80, 85, 90, 95, 98}) {
      const std::string name = absl::StrCat(existing ? "existing-" : "new-", percent);
      if (existing) repo_.Git("branch " + name);
      const NewWorktree wanted = {.branch = name, .existing_branch = existing};
      const WorktreeWork work = Work(name, "log-" + name);
      KillAt(percent, work, [&](const WorktreeWork& w) { (void)MakeWorktree(w, wanted); });
      EXPECT_EQ(fs::exists(work.path), percent >= 95) << "half a worktree is nowhere to be seen";
      const WorktreeRecovery recovery = RecoverMaking(work);
      const bool whole = percent >= 90;
      EXPECT_EQ(recovery.state, whole ? State::kDone : State::kUndone)
          << name << ": " << recovery.text;
      EXPECT_EQ(fs::exists(work.path), whole);
      EXPECT_EQ(repo_.Git("branch --list " + name) != "", whole || existing);
      if (whole) {
        EXPECT_EQ(repo_.Git("status --porcelain --branch", work.path), "## " + name);
        EXPECT_TRUE(fs::is_symlink(work.path + "/shared_state"));
      } else if (!existing) {
        EXPECT_TRUE(MakeWorktree(work, wanted).ok()) << "names and places are free";
      }
      EXPECT_EQ(repo_.Git("worktree prune -v"), "");
      ExpectNoRest();
      EXPECT_EQ(RecoverMaking(work).state, whole || !existing ? State::kDone : State::kUndone);
    }
  }
  EXPECT_EQ(repo_.Git("fsck --no-progress"), "");
}

TEST_F(WorktreeChangesTest, RecoveryTakesNothingThatSomebodyElseMadeMeanwhile) {
  const WorktreeWork work = Work("task-1");
  KillAt(90, work, [](const WorktreeWork& w) { (void)MakeWorktree(w, {.branch = "task-1"}); });
  repo_.Run("mkdir ../task-1; echo precious > ../task-1/x; git branch task-1 main~1");
  const WorktreeRecovery recovery = RecoverMaking(work);
  EXPECT_EQ(recovery.state, State::kUndone) << recovery.text;
  EXPECT_EQ(repo_.Run("cat ../task-1/x"), "precious");
  EXPECT_EQ(repo_.Git("rev-parse task-1"), repo_.Git("rev-parse main~1"));
  EXPECT_EQ(repo_.Git("worktree list | wc -l"), "1");
  ExpectNoRest();
}

TEST_F(WorktreeChangesTest, WorkInAWorktreeThatWasNotFinishedIsKept) {
  const WorktreeWork work = Work("task-1");
  KillAt(95, work, [](const WorktreeWork& w) { (void)MakeWorktree(w, {.branch = "task-1"}); });
  repo_.Run("echo mine > new; echo two > file", work.path);
  EXPECT_EQ(RecoverMaking(work).state, State::kDone);
  EXPECT_EQ(repo_.Run("cat new file", work.path), "mine\ntwo");
  EXPECT_EQ(repo_.Git("branch --show-current", work.path), "task-1");
}

TEST_F(WorktreeChangesTest, RecoveryOfWhatNeverBeganFindsNothing) {
  ASSERT_TRUE(Make("task-1").ok());
  // Another operation's worktree is at the path.
  EXPECT_EQ(RecoverMaking(Work("task-1", "log-O-9")).state, State::kUndone);
  EXPECT_TRUE(fs::exists(repo_.Beside("task-1")));
}

TEST_F(WorktreeChangesTest, ARemovalThatIsCutOffIsFinishedOrUndone) {
  for (const int percent : {0, 30, 40, 60, 70}) {
    const std::string name = absl::StrCat("task-", percent);
    ASSERT_TRUE(Make(name).ok());
    repo_.Run("mkdir -p out; echo x > out/a.o", repo_.Beside(name));
    const WorktreeWork work = Work(name, "log-" + name);
    KillAt(percent, work, [&](const WorktreeWork& w) { (void)RemoveWorktree(w, Removal()); });
    const WorktreeRecovery recovery = RecoverRemoval(work);
    const bool gone = percent >= 70;
    EXPECT_EQ(recovery.state, gone ? State::kDone : State::kUndone) << name << recovery.text;
    EXPECT_EQ(fs::exists(work.path), !gone);
    if (!gone) {
      EXPECT_EQ(repo_.Run("cat out/a.o", work.path), "x");
      EXPECT_EQ(repo_.Git("status --porcelain", work.path), "");
    }
    EXPECT_EQ(repo_.Git("worktree prune -v"), "");
    EXPECT_NE(repo_.Git("branch --list " + name), "");
    ExpectNoRest();
  }
}

TEST_F(WorktreeChangesTest, WorkThatIsCalledOffLeavesNothing) {
  WorktreeWork work = Work("task-1");
  bool off = false;
  work.cancelled = [&off] { return off; };
  work.progress = [&off](int percent, std::string_view) { off = off || percent >= 80; };
  EXPECT_FALSE(MakeWorktree(work, {.branch = "task-1"}).ok());
  EXPECT_FALSE(fs::exists(work.path));
  EXPECT_EQ(repo_.Git("branch --list task-1"), "");
  ExpectNoRest();
}

}  // namespace
}  // namespace coordhub::git
