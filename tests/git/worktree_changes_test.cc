// Worktrees made and removed in real repositories.

#include "hub/git/worktree_changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "tests/git/scratch_repository.h"
#include "tests/support/child.h"

namespace coordhub::git {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;
using State = WorktreeRecovery::State;

class WorktreeChangesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    repo_.InitWithCommit();
    repo_.Write("shared_state/tickets.md", "");
    repo_.Run("echo /shared_state >> .git/info/exclude; echo '*.o' > .gitignore");
    repo_.CommitAll("second");
  }

  WorktreeWork Work(const std::string& name, const std::string& id = "log-O-1") const {
    WorktreeWork work;
    work.common_dir = repo_.common_dir();
    work.id = id;
    work.path = repo_.Beside(name);
    work.link_path = "shared_state";
    work.link_target = repo_.top() + "/shared_state";
    return work;
  }
  absl::StatusOr<MadeWorktree> Make(const std::string& name, NewWorktree wanted = {}) const {
    if (wanted.branch.empty()) wanted.branch = name;
    return MakeWorktree(Work(name), wanted);
  }
  WorktreeRemoval Removal() const {
    WorktreeRemoval removal;
    removal.target = "main";
    removal.target_commit = repo_.Git("rev-parse main");
    return removal;
  }
  absl::StatusOr<RemovedWorktree> Remove(const std::string& name) const {
    return RemoveWorktree(Work(name, "log-O-2"), Removal());
  }
  // Everything of a worktree, to the byte.
  std::string Checksums(const std::string& name) const {
    return repo_.Run("find . -type f -print0 | sort -z | xargs -0 sha256sum", repo_.Beside(name));
  }
  // Expects a refusal that says `what`, and that all is as it was.
  void ExpectStays(const std::string& name, const std::string& what) const {
    const std::string before = Checksums(name);
    const std::string listed = repo_.Git("worktree list --porcelain");
    const auto removed = Remove(name);
    EXPECT_EQ(base::ReasonOf(removed.status()), v1::ERROR_REASON_WORKTREE_DIRTY) << what;
    EXPECT_THAT(std::string(removed.status().message()), HasSubstr(what));
    EXPECT_EQ(base::MetadataOf(removed.status(), "worktree"), repo_.Beside(name));
    EXPECT_EQ(Checksums(name), before);
    EXPECT_EQ(repo_.Git("worktree list --porcelain"), listed);
    ExpectNoRest();
  }
  // Nothing of the hub's is beside worktrees or in the git directory.
  void ExpectNoRest() const {
    EXPECT_EQ(repo_.Run("ls -A .. | grep '^[.]coordhub' || true"), "");
    EXPECT_EQ(repo_.Run("ls -A .git/coordhub 2>/dev/null || true"), "");
  }
  static std::string FieldOf(const absl::Status& status) {
    return base::MetadataOf(status, "field");
  }
  // Runs `work` in a process that ends when it comes to `percent`.
  template <class Fn>
  static void KillAt(int percent, WorktreeWork work, Fn&& run) {
    test::ReportingChild child([&](int) {
      work.progress = [percent](int now, std::string_view) {
        if (now >= percent) raise(SIGKILL);
      };
      run(work);
    });
    EXPECT_EQ(child.ReadLine(), "");
  }

  const ScratchRepository repo_;
};

TEST_F(WorktreeChangesTest, AWorktreeIsWhatGitMakesAndHasTheLink) {
  const auto made = Make("task-1");
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->path, repo_.Beside("task-1"));
  EXPECT_EQ(made->commit, repo_.Git("rev-parse main"));
  const std::string top = repo_.Beside("task-1");
  EXPECT_EQ(repo_.Git("branch --show-current", top), "task-1");
  EXPECT_EQ(repo_.Git("status --porcelain", top), "") << "the link is excluded";
  EXPECT_EQ(repo_.Git("config --get-regexp 'branch.*' || true"), "") << "it tracks nothing";
  EXPECT_EQ(fs::read_symlink(top + "/shared_state"), repo_.top() + "/shared_state");
  EXPECT_EQ(repo_.Run("cat file", top), "one");
  EXPECT_THAT(repo_.Git("reflog task-1"), HasSubstr("Created from"));
  EXPECT_THAT(repo_.Git("worktree list --porcelain"), Not(HasSubstr("locked")));
  EXPECT_EQ(repo_.Git("worktree prune -v"), "");
  repo_.Git("worktree move task-1 elsewhere", repo_.Beside(""));
  repo_.Git("worktree remove elsewhere", repo_.Beside(""));
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

// ---- removal ----

TEST_F(WorktreeChangesTest, AMergedAndCleanWorktreeGoesAndItsBranchStays) {
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

TEST_F(WorktreeChangesTest, UncommittedAndUntrackedWorkIsNeverLost) {
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

TEST_F(WorktreeChangesTest, NamesOfFilesAreMadeHarmless) {
  ASSERT_TRUE(Make("task-1").ok());
  repo_.Run("touch $'a\\nb\\e[31m'", repo_.Beside("task-1"));
  const auto removed = Remove("task-1");
  EXPECT_THAT(std::string(removed.status().message()), Not(HasSubstr("\n")));
  EXPECT_THAT(std::string(removed.status().message()), Not(HasSubstr("\x1b")));
}

TEST_F(WorktreeChangesTest, WorkThatIsUnderWayIsNotCutOff) {
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

TEST_F(WorktreeChangesTest, CommitsThatTheTargetLacksAreToldAndMayBeLeftOnTheBranch) {
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

TEST_F(WorktreeChangesTest, CommitsOnNoBranchAreNeverLost) {
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

TEST_F(WorktreeChangesTest, OtherThingsThatLieInItStay) {
  ASSERT_TRUE(Make("task-1").ok());
  repo_.Run("mkdir -p ../task-1/x.o; git worktree add -q -b inner ../task-1/x.o/inner");
  EXPECT_EQ(repo_.Git("status --porcelain", repo_.Beside("task-1")), "") << "it is ignored";
  ExpectStays("task-1", "lies in it");
}

TEST_F(WorktreeChangesTest, ASubmoduleKeepsIt) {
  repo_.Run("git init -q ../sub; cd ../sub; git commit -q --allow-empty -m s");
  repo_.Git("submodule add -q ../sub sub");
  repo_.CommitAll("a submodule");
  ASSERT_TRUE(Make("task-1").ok());
  ASSERT_TRUE(Make("task-2").ok());
  repo_.Git("submodule update -q --init", repo_.Beside("task-1"));
  ExpectStays("task-1", "a submodule is in it");
  EXPECT_TRUE(Remove("task-2").ok()) << "there it was never checked out";
}

TEST_F(WorktreeChangesTest, TheMainWorktreeAndWhatIsNoneAreRefused) {
  EXPECT_EQ(FieldOf(Remove("repo").status()), "path");
  EXPECT_EQ(base::ReasonOf(Remove("nowhere").status()), v1::ERROR_REASON_WORKTREE_NOT_FOUND);
  fs::create_directory(repo_.Beside("plain"));
  EXPECT_EQ(base::ReasonOf(Remove("plain").status()), v1::ERROR_REASON_WORKTREE_NOT_FOUND);
  ASSERT_TRUE(Make("task-1").ok());
  fs::remove(repo_.Beside("task-1") + "/.git");
  EXPECT_EQ(base::ReasonOf(Remove("task-1").status()), v1::ERROR_REASON_WORKTREE_DIRTY);
  EXPECT_TRUE(fs::exists(repo_.Beside("task-1") + "/file"));
}

TEST_F(WorktreeChangesTest, WhatIsWrittenBetweenTheTwoLooksBringsItBack) {
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

TEST_F(WorktreeChangesTest, WhoComesToWorkInItBetweenTheTwoLooksKeepsIt) {
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
