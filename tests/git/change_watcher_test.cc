// What happens in a repository is told, seen, and costs what changed.

#include "hub/git/change_watcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <string>
#include <thread>

#include "tests/git/live_observer.h"
#include "tests/git/scratch_repository.h"

namespace coordhub::git {
namespace {

using ::testing::HasSubstr;

class ChangeTest : public ::testing::Test {
 protected:
  static const v1::Worktree* At(const Observation& seen, const std::string& path) {
    const auto it = std::find_if(seen.worktrees.begin(), seen.worktrees.end(),
                                 [&](const auto& worktree) { return worktree.path() == path; });
    return it == seen.worktrees.end() ? nullptr : &*it;
  }
  int ChangedFiles(const Observation& seen) const {
    return seen.FindMainWorktree()->changed_files();
  }
  ScratchRepository repo_;
};

TEST_F(ChangeTest, WhatPeopleDoIsSeen) {
  repo_.InitWithCommit();
  LiveObserver live(repo_.common_dir());
  live.Observe();

  repo_.Write("file", "two\n");
  EXPECT_TRUE(live.Await([&](const auto& seen) { return ChangedFiles(seen) == 1; }));
  repo_.Git("commit -qam two");
  const std::string head = repo_.Git("rev-parse HEAD");
  EXPECT_TRUE(live.Await(
      [&](const auto& seen) { return ChangedFiles(seen) == 0 && seen.target_commit == head; }));
  repo_.Git("switch -q -c conversation-1");
  EXPECT_TRUE(live.Await([&](const auto& seen) {
    return seen.current_branch == "conversation-1" && seen.FindBranch("conversation-1") != nullptr;
  }));
  repo_.Git("worktree add -q ../linked -b task-1/deep");
  EXPECT_TRUE(live.Await([&](const auto& seen) {
    const v1::Worktree* linked = At(seen, repo_.Beside("linked"));
    return linked != nullptr && linked->branch() == "task-1/deep";
  }));
  repo_.Write("../linked/new", "1");
  EXPECT_TRUE(live.Await(
      [&](const auto& seen) { return At(seen, repo_.Beside("linked"))->changed_files() == 1; }));
  repo_.Git("worktree remove --force ../linked");
  EXPECT_TRUE(live.Await([&](const auto& seen) { return seen.worktrees.size() == 1; }));
  repo_.Git("branch -q -D task-1/deep");
  EXPECT_TRUE(live.Await([&](const auto& seen) { return seen.branches.size() == 1; }));
  repo_.Git("branch task-1/deep main~1");
  EXPECT_TRUE(live.Await([&](const auto& seen) {
    const ObservedBranch* again = seen.FindBranch("task-1/deep");
    return again != nullptr && again->branch.behind() == 1;
  })) << "deleted and made again";
}

TEST_F(ChangeTest, PackingReferencesChangesNothing) {
  repo_.InitWithCommit();
  for (int i = 0; i < 5; ++i) repo_.Git("branch task-" + std::to_string(i));
  LiveObserver live(repo_.common_dir());
  const ObservationPtr before = live.Observe();
  repo_.Git("pack-refs --all --prune");
  const ObservationPtr after = live.Observe();
  EXPECT_EQ(after->branches, before->branches) << "the same objects";
  repo_.Git("branch -q -D task-3");
  EXPECT_TRUE(live.Await([](const auto& seen) { return seen.branches.size() == 4; }));
}

// References are packed, moved and unpacked without a break; no look may miss a branch.
TEST_F(ChangeTest, NoBranchIsMissedWhileReferencesArePacked) {
  repo_.InitWithCommit();
  std::string make = "{ ";
  for (int i = 0; i < 50; ++i)
    make += "echo create refs/heads/task-" + std::to_string(i) + " HEAD; ";
  repo_.Run(make + "} | git update-ref --stdin");
  LiveObserver live(repo_.common_dir());
  std::atomic<bool> stop{false};
  std::thread packer([&] {
    repo_.CommitAll("other");
    for (int i = 0; !stop; ++i) {
      const std::string to = i % 2 == 0 ? "HEAD~1" : "HEAD";
      repo_.Run("for i in $(seq 0 9); do echo update refs/heads/task-$i " + to +
                "; done | git update-ref --stdin; git pack-refs --all --prune");
    }
  });
  for (int i = 0; i < 300; ++i) ASSERT_EQ(live.Observe()->branches.size(), 50u) << "look " << i;
  stop = true;
  packer.join();
}

TEST_F(ChangeTest, ABurstIsToldTogether) {
  repo_.InitWithCommit();
  ObserverOptions options;
  options.coalesce = absl::Seconds(1);
  LiveObserver live(repo_.common_dir(), std::move(options));
  live.Observe();
  const base::SystemClock clock;
  const base::MonoTime begin = clock.Mono();
  const int before = live.changes();
  std::string burst =
      "for i in $(seq 200); do echo update refs/heads/task-$i HEAD; done | git "
      "update-ref --stdin";
  for (int i = 0; i < 5; ++i) repo_.Run(burst);
  EXPECT_TRUE(live.Await([](const auto& seen) { return seen.branches.size() == 200; }));
  // Ten thousand files came and went; what may be told once a second was told as often.
  const auto seconds = absl::ToInt64Seconds(clock.Mono() - begin);
  EXPECT_LE(live.changes() - before, seconds + 2);
}

TEST_F(ChangeTest, AHeadThatMovesAgainSoonIsToldOnce) {
  repo_.InitWithCommit();
  repo_.Git("branch task-1");
  ObserverOptions options;
  options.coalesce = absl::Seconds(3);
  LiveObserver live(repo_.common_dir(), std::move(options));
  live.Observe();
  while (live.changes() < 1) std::this_thread::yield();  // the first count
  for (const char* message : {"1", "2", "3"}) {
    repo_.Run(std::string("git update-ref refs/heads/task-1 $(git commit-tree -p task-1 -m ") +
              message + " task-1^{tree})");
  }
  EXPECT_EQ(live.changes(), 1) << "they are waited for";
  while (live.changes() < 2) std::this_thread::yield();
  EXPECT_EQ(live.Observe()->FindBranch("task-1")->branch.commit(), repo_.Git("rev-parse task-1"));
  EXPECT_EQ(live.changes(), 2);
}

// Objects move from file to file without a break; no look may stumble over it.
TEST_F(ChangeTest, NothingIsMissedWhileTheRepositoryIsRepacked) {
  repo_.InitWithCommit();
  for (int i = 0; i < 20; ++i) {
    const std::string name = "task-" + std::to_string(i);
    repo_.Run("git switch -q -c " + name + " main; echo " + name +
              " > n; git add n; git commit -qm n");
  }
  repo_.Git("switch -q main");
  LiveObserver live(repo_.common_dir());
  std::atomic<bool> stop{false};
  std::thread packer([&] {
    for (int i = 0; !stop; ++i) {
      const std::string branch = "task-" + std::to_string(i % 20);
      repo_.Run("git update-ref refs/heads/" + branch + " $(git commit-tree -p " + branch +
                " -m again " + branch + "^{tree})");
      repo_.Git(i % 3 == 0   ? "gc -q --prune=now"
                : i % 3 == 1 ? "repack -q -a -d -f"
                             : "repack -q -d");
    }
  });
  for (int i = 0; i < 100; ++i) {
    const ObservationPtr seen = live.Observe();
    ASSERT_EQ(seen->branches.size(), 20u) << "look " << i;
    for (const ObservedBranchPtr& observed : seen->branches) {
      ASSERT_EQ(observed->branch.problem(), "") << observed->branch.branch();
      ASSERT_GE(observed->branch.ahead(), 1);
      ASSERT_EQ(observed->branch.changed_path_count(), 1);
    }
  }
  stop = true;
  packer.join();
}

TEST_F(ChangeTest, ARebaseUnderWayIsSeenAsGitShowsIt) {
  repo_.InitWithCommit();
  repo_.Git("switch -q -c task-1");
  repo_.Write("file", "mine\n");
  repo_.CommitAll("mine");
  const std::string before = repo_.Git("rev-parse task-1");
  repo_.Git("switch -q main");
  repo_.Write("file", "theirs\n");
  repo_.CommitAll("theirs");
  repo_.Git("switch -q task-1");
  LiveObserver live(repo_.common_dir());
  live.Observe();
  repo_.Run("! git rebase -q main");
  EXPECT_TRUE(live.Await([&](const auto& seen) {
    return seen.current_branch.empty() && seen.FindBranch("task-1")->branch.commit() == before &&
           ChangedFiles(seen) == 1;
  }));
  repo_.Write("file", "both\n");
  repo_.Run("git add file; GIT_EDITOR=true git rebase --continue");
  const std::string after = repo_.Git("rev-parse task-1");
  EXPECT_TRUE(live.Await([&](const auto& seen) {
    return seen.current_branch == "task-1" && seen.FindBranch("task-1")->branch.commit() == after &&
           ChangedFiles(seen) == 0;
  }));
  EXPECT_EQ(live.Observe()->FindBranch("task-1")->branch.behind(), 0);
}

TEST_F(ChangeTest, AWorktreeWithoutChangesIsNotCountedAgain) {
  repo_.InitWithCommit();
  repo_.Git("worktree add -q ../quiet");
  LiveObserver live(repo_.common_dir());
  const ObservationPtr before = live.Observe();
  repo_.Write("file", "changed");
  EXPECT_TRUE(live.Await([&](const auto& seen) { return ChangedFiles(seen) == 1; }));
  const ObservationPtr after = live.Observe();
  const auto counted = [&](const Observation& seen, const std::string& path) {
    return At(seen, path)->count_time().ShortDebugString();
  };
  EXPECT_EQ(counted(*after, repo_.Beside("quiet")), counted(*before, repo_.Beside("quiet")));
  EXPECT_NE(counted(*after, repo_.top()), counted(*before, repo_.top()));
  const ObservationPtr idle = live.Observe();
  EXPECT_EQ(counted(*idle, repo_.top()), counted(*after, repo_.top()));
}

TEST_F(ChangeTest, IgnoredDirectoriesAreNotWatched) {
  repo_.InitWithCommit();
  repo_.Write(".gitignore", "node_modules/\n");
  repo_.Run("for i in $(seq 300); do mkdir -p node_modules/$i; touch node_modules/$i/f; done");
  repo_.Run("mkdir -p src/a/b; touch src/a/b/f");
  ObserverOptions options;
  options.max_watches = 10;
  LiveObserver live(repo_.common_dir(), std::move(options));
  EXPECT_THAT(live.Observe()->problems, ::testing::IsEmpty());
  repo_.Write("src/a/b/g", "1");
  repo_.Run("git add -A");
  EXPECT_TRUE(live.Await([&](const auto& seen) { return ChangedFiles(seen) == 3; }));
  repo_.Run("rm -r node_modules; mkdir -p node_modules/again/deep; touch node_modules/again/f");
  repo_.Write("src/new/deep/file", "1");
  EXPECT_TRUE(live.Await([&](const auto& seen) { return ChangedFiles(seen) == 4; }));
  repo_.Write("src/new/deep/file", "22");
  repo_.Run("git add -A; rm src/new/deep/file");
  EXPECT_TRUE(live.Await([&](const auto& seen) { return ChangedFiles(seen) == 4; }));
  EXPECT_THAT(live.Observe()->problems, ::testing::IsEmpty());
}

TEST_F(ChangeTest, WhatStopsBeingIgnoredIsWatched) {
  repo_.InitWithCommit();
  repo_.Write(".gitignore", "out/\n");
  repo_.Write("out/f", "1");
  repo_.CommitAll("ignore");
  LiveObserver live(repo_.common_dir());
  EXPECT_EQ(ChangedFiles(*live.Observe()), 0);
  repo_.Write(".gitignore", "none\n");
  EXPECT_TRUE(live.Await([&](const auto& seen) { return ChangedFiles(seen) == 2; }));
  repo_.Run("rm out/f");
  EXPECT_TRUE(live.Await([&](const auto& seen) { return ChangedFiles(seen) == 1; }));
}

TEST_F(ChangeTest, BeyondTheLimitOfWatchesCountsAreByIntervalAndItIsTold) {
  repo_.InitWithCommit();
  for (int i = 0; i < 20; ++i) repo_.Write("d" + std::to_string(i) + "/f", "1");
  repo_.CommitAll("directories");
  ObserverOptions options;
  options.max_watches = 5;
  options.unwatched_count_interval = absl::Milliseconds(100);
  LiveObserver live(repo_.common_dir(), std::move(options));
  const ObservationPtr seen = live.Observe();
  ASSERT_EQ(seen->problems.size(), 1u);
  EXPECT_THAT(seen->problems[0], HasSubstr("counted every 100ms only"));
  EXPECT_EQ(seen->FindMainWorktree()->problem(), "");
  repo_.Write("d7/f", "2");
  EXPECT_TRUE(live.Await([&](const auto& later) { return ChangedFiles(later) == 1; }));
}

TEST_F(ChangeTest, DirectoriesThatGoAndComeAgainAreWatchedAgain) {
  repo_.InitWithCommit();
  repo_.Write("d/f", "1");
  repo_.CommitAll("d");
  LiveObserver live(repo_.common_dir());
  live.Observe();
  for (int round = 0; round < 3; ++round) {
    repo_.Run("git pack-refs --all; rm -rf d .git/refs/heads/task-x");
    EXPECT_TRUE(live.Await([&](const auto& seen) { return ChangedFiles(seen) == 1; }));
    repo_.Git("checkout -q -- d");
    repo_.Git("branch task-x/" + std::to_string(round));
    EXPECT_TRUE(live.Await([&](const auto& seen) {
      return ChangedFiles(seen) == 0 && seen.branches.size() == static_cast<size_t>(round) + 1;
    }));
    repo_.Write("d/f", "2");
    EXPECT_TRUE(live.Await([&](const auto& seen) { return ChangedFiles(seen) == 1; }));
    repo_.Git("checkout -q -- d");
    EXPECT_TRUE(live.Await([&](const auto& seen) { return ChangedFiles(seen) == 0; }));
  }
}

TEST_F(ChangeTest, AFileThatIsWrittenAndNotClosedIsSeenInTheEnd) {
  repo_.InitWithCommit();
  ChangeWatcher watcher({.common_dir = repo_.common_dir(),
                         .on_change = nullptr,
                         .coalesce = absl::ZeroDuration(),
                         .max_watches = 100});
  EXPECT_EQ(watcher.WatchFiles({.top = repo_.top()}), "");
  EXPECT_EQ(watcher.watch_count(), 1u);
  std::ofstream held(repo_.top() + "/file", std::ios::app);
  held << "more" << std::flush;
  Changes changes;
  while (changes.by_top.empty()) {
    changes.Merge(watcher.Take());
    std::this_thread::yield();
  }
  EXPECT_EQ(changes.by_top[repo_.top()], FileChange::kWritten);
  held.close();
  while (changes.by_top[repo_.top()] != FileChange::kChanged) {
    changes.Merge(watcher.Take());
    std::this_thread::yield();
  }
}

TEST_F(ChangeTest, ManyMayLookAtOnce) {
  repo_.InitWithCommit();
  repo_.Git("branch task-1");
  LiveObserver live(repo_.common_dir());
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int look = 0; look < 50; ++look) EXPECT_EQ(live.Observe()->branches.size(), 1u);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace coordhub::git
