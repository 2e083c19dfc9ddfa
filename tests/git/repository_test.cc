#include "hub/git/repository.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "agent/base/error.h"
#include "agent/base/git_location.h"
#include "tests/agent/base/temp_dir.h"

namespace coordhub::git {
namespace {

namespace fs = std::filesystem;

class RepositoryTest : public ::testing::Test {
 protected:
  RepositoryTest() : top_(fs::canonical(temp_.path()).string() + "/repo") {}

  // Runs git in the test's directory. Its global configuration is nobody's.
  void Git(const std::string& arguments) const {
    const std::string command =
        "cd '" + temp_.path() +
        "' && GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 git -c user.name=t -c "
        "user.email=t@example.invalid -c init.defaultBranch=main " +
        arguments + " >/dev/null 2>&1";
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
  }
  void InitWithCommit() const {
    Git("init repo");
    Git("-C repo commit --allow-empty -m first");
  }
  std::unique_ptr<Repository> Open(const std::string& path) const {
    const auto location = base::LocateRepository(path);
    EXPECT_TRUE(location.ok()) << location.status();
    if (!location.ok()) return nullptr;
    auto repository = Repository::Open(
        location->common_dir, location->worktree_name.empty() ? location->worktree_root : "");
    EXPECT_TRUE(repository.ok()) << repository.status();
    return repository.ok() ? *std::move(repository) : nullptr;
  }
  std::string ReadExclude() const {
    std::ifstream file(top_ + "/.git/info/exclude");
    return {std::istreambuf_iterator<char>(file), {}};
  }

  base::TempDir temp_;
  const std::string top_;
};

TEST_F(RepositoryTest, NamesTheBranchAsGitDoes) {
  Git("init repo");
  EXPECT_EQ(*Open(top_)->CurrentBranch(), "main") << "without a commit";
  Git("-C repo commit --allow-empty -m first");
  Git("-C repo switch -c task-1/with-slash");
  const auto repository = Open(top_);
  EXPECT_EQ(*repository->CurrentBranch(), "task-1/with-slash");
  Git("-C repo switch --detach");
  EXPECT_EQ(*repository->CurrentBranch(), "") << "detached; seen without opening anew";
}

TEST_F(RepositoryTest, FromALinkedWorktreeTheMainOneIsMeant) {
  InitWithCommit();
  Git("-C repo worktree add ../linked -b other");
  const auto repository = Open(temp_.path() + "/linked");
  EXPECT_EQ(repository->main_worktree(), top_);
  EXPECT_EQ(*repository->CurrentBranch(), "main");
}

TEST_F(RepositoryTest, ABareRepositoryHasNoWorktree) {
  Git("init --bare repo");
  const auto repository = Open(top_);
  EXPECT_EQ(repository->main_worktree(), "");
  EXPECT_EQ(*repository->IsTracked("shared_state"), false);
}

// git moves core.bare into a file of the main worktree's own.
TEST_F(RepositoryTest, ABareRepositoryWithASparseWorktreeHasNoWorktree) {
  InitWithCommit();
  Git("clone --bare repo served.git");
  Git("-C served.git worktree add ../linked");
  Git("-C linked sparse-checkout set src");
  Git("config --file served.git/config.worktree --get core.bare");
  EXPECT_EQ(Open(temp_.path() + "/served.git")->main_worktree(), "");
  EXPECT_EQ(Open(temp_.path() + "/linked")->main_worktree(), "");
}

TEST_F(RepositoryTest, AGitDirectoryElsewhereIsOfTheWorktreeThatLeadsToIt) {
  Git("init --separate-git-dir=gd repo");
  EXPECT_EQ(Open(top_)->main_worktree(), top_);
  const std::string common_dir = fs::canonical(temp_.path()).string() + "/gd";
  EXPECT_EQ((*Repository::Open(common_dir))->main_worktree(), "") << "it does not say";
  EXPECT_EQ((*Repository::Open(common_dir, temp_.path()))->main_worktree(), "");
  Git("-C repo commit --allow-empty -m first");
  Git("-C repo worktree add ../linked");
  EXPECT_EQ(Open(temp_.path() + "/linked")->main_worktree(), "");
}

// git moves core.worktree into a file of the main worktree's own.
TEST_F(RepositoryTest, ASparseSubmoduleKeepsItsWorktree) {
  InitWithCommit();
  Git("init super");
  Git("-c protocol.file.allow=always -C super submodule add ../repo inner");
  const std::string inner = fs::canonical(temp_.path()).string() + "/super/inner";
  EXPECT_EQ(Open(inner)->main_worktree(), inner);
  Git("-C super/inner sparse-checkout set src");
  Git("config --file super/.git/modules/inner/config.worktree --get core.worktree");
  EXPECT_EQ(Open(inner)->main_worktree(), inner);
  EXPECT_EQ((*Repository::Open(temp_.path() + "/super/.git/modules/inner"))->main_worktree(),
            inner);
}

TEST_F(RepositoryTest, AnUnusualNameIsTakenForABareRepository) {
  Git("init --bare repo");
  Git("-C repo config --unset core.bare");
  EXPECT_EQ((*Repository::Open(top_))->main_worktree(), "");
}

TEST_F(RepositoryTest, HarmlessExtensionsAreAccepted) {
  InitWithCommit();
  Git("-C repo config core.repositoryformatversion 1");
  Git("-C repo config extensions.worktreeConfig true");
  EXPECT_NE(Open(top_), nullptr);
}

TEST_F(RepositoryTest, WhatIsNoRepositoryIsRefused) {
  EXPECT_EQ(base::ReasonOf(Repository::Open(temp_.path()).status()),
            v1::ERROR_REASON_WORKSPACE_NOT_FOUND);
}

TEST_F(RepositoryTest, SeesWhatIsTracked) {
  InitWithCommit();
  const auto repository = Open(top_);
  EXPECT_EQ(*repository->IsTracked("shared_state"), false);
  fs::create_directory(top_ + "/shared_state");
  std::ofstream(top_ + "/shared_state/tickets.md") << "x\n";
  std::ofstream(top_ + "/shared_state_of_things") << "x\n";
  EXPECT_EQ(*repository->IsTracked("shared_state"), false) << "there, but not tracked";
  Git("-C repo add shared_state_of_things");
  EXPECT_EQ(*repository->IsTracked("shared_state"), false) << "a longer name is another";
  Git("-C repo add shared_state");
  EXPECT_EQ(*repository->IsTracked("shared_state"), true);
}

TEST_F(RepositoryTest, ExcludesOnce) {
  InitWithCommit();
  const auto repository = Open(top_);
  const std::string before = ReadExclude();
  ASSERT_TRUE(repository->EnsureExcluded("/shared_state").ok());
  EXPECT_EQ(ReadExclude(), before + "/shared_state\n");
  ASSERT_TRUE(repository->EnsureExcluded("/shared_state").ok());
  EXPECT_EQ(ReadExclude(), before + "/shared_state\n");
  fs::create_directory(top_ + "/shared_state");
  std::ofstream(top_ + "/shared_state/tickets.md") << "x\n";
  Git("-C repo check-ignore -q shared_state");
}

TEST_F(RepositoryTest, ExcludeFilesOfAllKindsAreCompleted) {
  InitWithCommit();
  const auto repository = Open(top_);
  fs::remove_all(top_ + "/.git/info");
  ASSERT_TRUE(repository->EnsureExcluded("/shared_state").ok());
  EXPECT_EQ(ReadExclude(), "/shared_state\n") << "the directory was missing";
  std::ofstream(top_ + "/.git/info/exclude") << "*.o";
  ASSERT_TRUE(repository->EnsureExcluded("/shared_state").ok());
  EXPECT_EQ(ReadExclude(), "*.o\n/shared_state\n") << "the last line had no newline";
  std::ofstream(top_ + "/.git/info/exclude") << "/shared_state \r\n";
  ASSERT_TRUE(repository->EnsureExcluded("/shared_state").ok());
  EXPECT_EQ(ReadExclude(), "/shared_state \r\n") << "it stands there";
}

}  // namespace
}  // namespace coordhub::git
