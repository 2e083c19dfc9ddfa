#include "hub/git/observer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_split.h"
#include "agent/base/clock.h"
#include "agent/base/error.h"
#include "agent/base/sha256.h"
#include "tests/git/scratch_repository.h"

namespace coordhub::git {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ObserverTest : public ::testing::Test {
 protected:
  void Open(const std::string& common_dir = "") {
    options_.clock = &clock_;
    auto observer = Observer::Open(common_dir.empty() ? repo_.common_dir() : common_dir, options_);
    ASSERT_TRUE(observer.ok()) << observer.status();
    observer_ = *std::move(observer);
  }
  ObservationPtr Observe() const {
    const auto seen = observer_->Observe();
    EXPECT_TRUE(seen.ok()) << seen.status();
    return seen.ok() ? *seen : std::make_shared<const Observation>();
  }
  static std::vector<std::string> Names(const Observation& seen) {
    std::vector<std::string> names;
    for (const auto& branch : seen.branches) names.push_back(branch->branch.branch());
    return names;
  }

  ScratchRepository repo_;
  base::SystemClock clock_;
  ObserverOptions options_;
  std::unique_ptr<Observer> observer_;
};

TEST_F(ObserverTest, SeesARepository) {
  repo_.InitWithCommit();
  repo_.Git("switch -q -c conversation-1");
  repo_.Write("src/a", "a\n");
  repo_.Write("b", "b\n");
  repo_.CommitAll("work");
  repo_.Write("file", "two\n");
  Open();
  EXPECT_EQ(observer_->latest(), nullptr);
  const ObservationPtr seen = Observe();
  EXPECT_EQ(observer_->latest(), seen);
  EXPECT_FALSE(seen->is_bare);
  EXPECT_EQ(seen->main_worktree, repo_.top());
  EXPECT_EQ(seen->current_branch, "conversation-1");
  EXPECT_EQ(seen->target, "main");
  EXPECT_EQ(seen->target_commit, repo_.Git("rev-parse main"));
  EXPECT_THAT(seen->problems, IsEmpty());
  ASSERT_THAT(Names(*seen), ElementsAre("conversation-1"));
  const v1::Branch& branch = seen->branches[0]->branch;
  EXPECT_EQ(branch.commit(), repo_.Git("rev-parse HEAD"));
  EXPECT_EQ(branch.target(), "main");
  EXPECT_EQ(branch.merge_base(), repo_.Git("rev-parse main"));
  EXPECT_EQ(branch.ahead(), 1);
  EXPECT_EQ(branch.behind(), 0);
  EXPECT_EQ(branch.changed_path_count(), 2);
  EXPECT_THAT(seen->branches[0]->paths, ElementsAre("b", "src/a"));
  EXPECT_EQ(branch.changed_paths_digest(),
            base::HexEncode(base::Sha256(std::string_view("b\0src/a\0", 8))));
  const v1::Worktree* worktree = seen->FindMainWorktree();
  ASSERT_NE(worktree, nullptr);
  EXPECT_EQ(worktree->changed_files(), 1);
  EXPECT_EQ(worktree->branch(), "conversation-1");
  EXPECT_EQ(worktree->problem(), "");
}

TEST_F(ObserverTest, BranchesAreThoseOfPatternsAndAgents) {
  repo_.InitWithCommit();
  for (const char* name :
       {"conversation-1", "conversation-2/part", "task-9", "my-task-9", "feature"})
    repo_.Git(std::string("branch ") + name);
  options_.agent_branches = [] { return std::vector<std::string>{"feature", "not-there"}; };
  Open();
  const ObservationPtr seen = Observe();
  EXPECT_THAT(Names(*seen),
              ElementsAre("conversation-1", "conversation-2/part", "feature", "task-9"));
  EXPECT_EQ(seen->conversation_branch_count, 3);
  EXPECT_FALSE(seen->FindBranch("feature")->matches_patterns);
  EXPECT_EQ(seen->FindBranch("my-task-9"), nullptr);
}

// The hub's facts against what git says itself, over histories of all shapes.
TEST_F(ObserverTest, FactsAreGits) {
  repo_.Init();
  repo_.Run(R"(
    exec >/dev/null 2>&1; set -e
    mkdir -p a/b; seq 20 > a/b/f; seq 30 > g; echo k > kept; ln -s g l; git add -A; git commit -qm 1
    git branch task-same
    git switch -qc task-ahead;    echo 1 > n; git add n; git commit -qm n; git rm -q g; git commit -qm g
    git switch -qc task-type;     rm l; echo l > l; chmod +x kept; git add -A; git commit -qm t
    git switch -q main;           echo m > m; git add m; git commit -qm m
    git switch -qc task-merged;   git merge -q --no-edit task-ahead
    git switch -q main;           git merge -q --no-edit --no-ff task-ahead
    git switch -qc task-file-dir; rm -r a; echo a > a; git add -A; git commit -qm fd
    git switch -qc task-renamed;  git mv kept moved; git commit -qm r
    git switch -qc task-order;    mkdir x; touch x/y x.y x-y xy; git add -A; git commit -qm o
    git switch -q --orphan task-orphan; echo o > o; git add o; git commit -qm o
    git switch -q main;           for i in 1 2 3; do echo $i > m; git commit -qam $i; done
  )");
  Open();
  const ObservationPtr seen = Observe();
  EXPECT_EQ(seen->branches.size(), 8u);
  const std::string empty_tree = repo_.Git("hash-object -t tree /dev/null");
  for (const ObservedBranchPtr& observed : seen->branches) {
    const v1::Branch& branch = observed->branch;
    const std::string& name = branch.branch();
    SCOPED_TRACE(name);
    EXPECT_EQ(branch.problem(), "");
    // Where histories cross there are several, each as good as the other.
    const std::string& base = branch.merge_base();
    const std::vector<std::string> bases =
        absl::StrSplit(repo_.Git("merge-base --all main " + name + " || true"), '\n');
    EXPECT_THAT(bases, ::testing::Contains(base));
    EXPECT_EQ(std::to_string(branch.ahead()) + "\t" + std::to_string(branch.behind()),
              repo_.Git("rev-list --left-right --count " + name + "...main"));
    const std::string from = base.empty() ? empty_tree : base;
    std::string paths;
    for (const std::string& path : observed->paths) paths += path + "\n";
    if (!paths.empty()) paths.pop_back();
    EXPECT_EQ(paths, repo_.Git("diff-tree -r --no-renames --name-only " + from + " " + name));
    EXPECT_EQ(static_cast<size_t>(branch.changed_path_count()), observed->paths.size());
  }
}

TEST_F(ObserverTest, OneListingOfPathsIsBounded) {
  repo_.InitWithCommit();
  repo_.Git("switch -q -c task-1");
  repo_.Run("mkdir many; for i in $(seq 1200); do : > many/$i; done");
  repo_.CommitAll("many");
  Open();
  const ObservationPtr seen = Observe();
  EXPECT_EQ(seen->branches[0]->branch.changed_path_count(), 1200);
  EXPECT_EQ(seen->branches[0]->paths.size(), ObservedBranch::kMaxPaths);
}

TEST_F(ObserverTest, WhatDidNotMoveIsNotMadeAgain) {
  repo_.InitWithCommit();
  repo_.Git("branch task-1");
  repo_.Git("branch task-2");
  Open();
  const ObservationPtr before = Observe();
  repo_.Git("switch -q task-2");
  repo_.CommitAll("more");
  const ObservationPtr after = Observe();
  ASSERT_EQ(after->branches.size(), 2u);
  EXPECT_EQ(after->branches[0], before->branches[0]) << "the same object";
  EXPECT_NE(after->branches[1]->branch.commit(), before->branches[1]->branch.commit());
}

TEST_F(ObserverTest, TheTargetIsFound) {
  repo_.Init("-b trunk");
  repo_.CommitAll("first");
  Open();
  EXPECT_EQ(Observe()->target, "") << "nothing looks like one";
  repo_.Git("branch master");
  EXPECT_EQ(Observe()->target, "master");
  repo_.Git("branch main");
  EXPECT_EQ(Observe()->target, "main");
  repo_.Git("symbolic-ref refs/remotes/origin/HEAD refs/remotes/origin/trunk");
  Open();
  EXPECT_EQ(Observe()->target, "trunk");
  options_.target = "elsewhere";
  Open();
  EXPECT_EQ(Observe()->target, "") << "it is not there";
}

TEST_F(ObserverTest, WithoutATargetBranchesAreSeenAllTheSame) {
  repo_.Init("-b task-1");
  repo_.CommitAll("first");
  Open();
  const ObservationPtr seen = Observe();
  EXPECT_EQ(seen->branches[0]->branch.target(), "");
  EXPECT_EQ(seen->branches[0]->branch.ahead(), 0);
  EXPECT_EQ(seen->branches[0]->branch.problem(), "");
}

TEST_F(ObserverTest, AnUnbornBranchIsCheckedOutAndIsNone) {
  repo_.Init("-b conversation-1");
  repo_.Write("new", "1");
  Open();
  const ObservationPtr seen = Observe();
  EXPECT_EQ(seen->current_branch, "conversation-1");
  EXPECT_THAT(seen->branches, IsEmpty());
  EXPECT_EQ(seen->FindMainWorktree()->commit(), "");
  EXPECT_EQ(seen->FindMainWorktree()->changed_files(), 1);
}

TEST_F(ObserverTest, ADetachedHeadHasACommit) {
  repo_.InitWithCommit();
  repo_.Git("switch -q --detach");
  Open();
  const ObservationPtr seen = Observe();
  EXPECT_EQ(seen->current_branch, "");
  EXPECT_EQ(seen->FindMainWorktree()->commit(), repo_.Git("rev-parse HEAD"));
}

TEST_F(ObserverTest, ABareRepositoryHasLinkedWorktreesOnly) {
  repo_.Init("--bare");
  const std::string commit =
      repo_.Git("commit-tree -m 1 $(git hash-object -t tree -w --stdin </dev/null)");
  repo_.Git("update-ref refs/heads/main " + commit);
  repo_.Git("worktree add -q ../linked -b task-1");
  Open(repo_.top());
  const ObservationPtr seen = Observe();
  EXPECT_TRUE(seen->is_bare);
  EXPECT_EQ(seen->main_worktree, "");
  EXPECT_EQ(seen->FindMainWorktree(), nullptr);
  ASSERT_EQ(seen->worktrees.size(), 1u);
  EXPECT_EQ(seen->worktrees[0].branch(), "task-1");
  EXPECT_EQ(seen->worktrees[0].problem(), "");
}

// What lies beside a git directory is somebody else's.
TEST_F(ObserverTest, NothingIsTakenForTheWorktreeThatIsNone) {
  repo_.InitWithCommit();
  repo_.Git("clone -q --bare . ../served.git");
  repo_.Git("worktree add -q ../linked -b task-1", repo_.Beside("served.git"));
  repo_.Git("sparse-checkout set src", repo_.Beside("linked"));
  options_.found_in = repo_.Beside("");
  Open(repo_.Beside("served.git"));
  const ObservationPtr seen = Observe();
  EXPECT_TRUE(seen->is_bare);
  EXPECT_EQ(seen->main_worktree, "");
  ASSERT_EQ(seen->worktrees.size(), 1u);
  EXPECT_EQ(seen->worktrees[0].path(), repo_.Beside("linked"));
  EXPECT_THAT(seen->problems, IsEmpty());
}

TEST_F(ObserverTest, AGitDirectoryElsewhereIsOfTheWorktreeInWhichItWasFound) {
  repo_.Init("--separate-git-dir=" + repo_.Beside("gd"));
  repo_.Write("new", "1");
  Open(repo_.Beside("gd"));
  ObservationPtr seen = Observe();
  EXPECT_FALSE(seen->is_bare);
  EXPECT_EQ(seen->FindMainWorktree(), nullptr);
  EXPECT_THAT(seen->problems, ElementsAre(HasSubstr("does not say where it is")));
  options_.found_in = repo_.top();
  Open(repo_.Beside("gd"));
  seen = Observe();
  ASSERT_NE(seen->FindMainWorktree(), nullptr);
  EXPECT_EQ(seen->FindMainWorktree()->path(), repo_.top());
  EXPECT_EQ(seen->FindMainWorktree()->changed_files(), 1);
  EXPECT_THAT(seen->problems, IsEmpty());
}

TEST_F(ObserverTest, ATrackedSharedStateIsToldUntilItIsNot) {
  repo_.InitWithCommit();
  repo_.Write("shared_state/tickets.md", "x\n");
  repo_.Write("shared_state_of_things", "x\n");
  options_.shared_state = repo_.top() + "/shared_state";
  Open();
  EXPECT_THAT(Observe()->problems, IsEmpty()) << "there, and not tracked";
  repo_.CommitAll("too much");
  Open();
  EXPECT_THAT(Observe()->problems, ElementsAre(HasSubstr("git rm -r --cached shared_state")));
  repo_.Git("rm -q -r --cached shared_state");
  Open();
  EXPECT_THAT(Observe()->problems, IsEmpty());
}

TEST_F(ObserverTest, WorktreesAreTold) {
  repo_.InitWithCommit();
  repo_.Git("worktree add -q ../b -b conversation-1");
  repo_.Git("worktree add -q --lock --reason 'on a stick' ../a --detach");
  repo_.Git("worktree add -q ../gone");
  repo_.Git("worktree add -q ../taken");
  repo_.Run("rm -r ../gone; rm ../taken/.git; git init -q ../taken");
  Open();
  const ObservationPtr seen = Observe();
  ASSERT_EQ(seen->worktrees.size(), 5u);
  const auto& [a, b, gone, main, taken] =
      std::tie(seen->worktrees[0], seen->worktrees[1], seen->worktrees[2], seen->worktrees[3],
               seen->worktrees[4]);
  EXPECT_EQ(a.path(), repo_.Beside("a"));
  EXPECT_EQ(a.lock_reason(), "on a stick");
  EXPECT_EQ(a.branch(), "");
  EXPECT_EQ(a.commit(), repo_.Git("rev-parse HEAD"));
  EXPECT_EQ(b.name(), "b");
  EXPECT_EQ(b.branch(), "conversation-1");
  EXPECT_EQ(b.lock_reason(), "");
  EXPECT_THAT(gone.problem(), HasSubstr("missing"));
  EXPECT_FALSE(gone.has_count_time());
  EXPECT_EQ(main.path(), repo_.top());
  EXPECT_EQ(main.name(), "");
  EXPECT_THAT(taken.problem(), HasSubstr("no file .git"));
}

TEST_F(ObserverTest, AShallowHistoryEndsWhereGitSaysSo) {
  repo_.InitWithCommit();
  for (const char* message : {"2", "3", "4"}) repo_.CommitAll(message);
  repo_.Git("switch -q -c task-1");
  for (const char* message : {"5", "6"}) repo_.CommitAll(message);
  repo_.Git("switch -q main");
  repo_.CommitAll("7");
  repo_.Git("clone -q --depth 3 --no-single-branch 'file://" + repo_.top() + "' ../shallow");
  const std::string shallow = repo_.Beside("shallow");
  repo_.Git("branch -q task-1 origin/task-1", shallow);
  Open(shallow + "/.git");
  ObservationPtr seen = Observe();
  ASSERT_EQ(seen->branches.size(), 1u);
  const auto counts = [](const v1::Branch& branch) {
    return std::to_string(branch.ahead()) + "\t" + std::to_string(branch.behind());
  };
  EXPECT_EQ(seen->branches[0]->branch.problem(), "");
  EXPECT_EQ(counts(seen->branches[0]->branch),
            repo_.Git("rev-list --left-right --count task-1...main", shallow));
  repo_.Git("fetch -q --unshallow", shallow);
  Open(shallow + "/.git");
  seen = Observe();
  EXPECT_EQ(counts(seen->branches[0]->branch), "2\t1");
}

TEST_F(ObserverTest, KindsThatCannotBeReadAreNamed) {
  repo_.InitWithCommit();
  repo_.Git("config core.repositoryformatversion 1");
  repo_.Git("config extensions.refStorage reftable");
  options_.clock = &clock_;
  const absl::Status reftable = Observer::Open(repo_.common_dir(), options_).status();
  EXPECT_EQ(base::ReasonOf(reftable), v1::ERROR_REASON_WORKSPACE_NOT_FOUND);
  EXPECT_THAT(std::string(reftable.message()), HasSubstr("reftable"));
  repo_.Run("rm -rf .git");
  repo_.Init("--object-format=sha256");
  const absl::Status sha256 = Observer::Open(repo_.common_dir(), options_).status();
  EXPECT_EQ(base::ReasonOf(sha256), v1::ERROR_REASON_WORKSPACE_NOT_FOUND);
  EXPECT_THAT(std::string(sha256.message()), HasSubstr("SHA-256"));
  EXPECT_EQ(base::ReasonOf(Observer::Open("/nowhere", options_).status()),
            v1::ERROR_REASON_WORKSPACE_NOT_FOUND);
}

TEST_F(ObserverTest, ARepositoryThatWentIsNotOneWithoutBranches) {
  repo_.InitWithCommit();
  repo_.Git("branch task-1");
  Open();
  const ObservationPtr before = Observe();
  fs::rename(repo_.common_dir(), repo_.top() + "/away");
  EXPECT_EQ(base::ReasonOf(observer_->Observe().status()), v1::ERROR_REASON_NOT_OBSERVED);
  EXPECT_EQ(observer_->latest(), before);
  fs::rename(repo_.top() + "/away", repo_.common_dir());
  EXPECT_THAT(Names(*Observe()), ElementsAre("task-1"));
}

TEST_F(ObserverTest, AnotherRepositoryInItsPlaceIsRead) {
  repo_.InitWithCommit();
  repo_.Git("branch task-1");
  Open();
  Observe();
  repo_.Run("rm -rf .git");
  repo_.InitWithCommit();
  repo_.Git("branch task-2");
  EXPECT_THAT(Names(*Observe()), ElementsAre("task-2"));
}

TEST_F(ObserverTest, NamesThatAreNoTextArePassedOver) {
  repo_.InitWithCommit();
  repo_.Run("git branch $'task-\\xff'; git branch task-1; mkdir $'d\\xff'; touch $'d\\xff/f'");
  repo_.Git("switch -q task-1");
  repo_.CommitAll("bytes");
  Open();
  const ObservationPtr seen = Observe();
  EXPECT_THAT(Names(*seen), ElementsAre("task-1"));
  EXPECT_THAT(seen->branches[0]->paths, ElementsAre("d\xef\xbf\xbd/f"));
  ASSERT_EQ(seen->problems.size(), 1u);
  EXPECT_THAT(seen->problems[0], HasSubstr("1 branches are not observed"));
}

}  // namespace
}  // namespace coordhub::git
