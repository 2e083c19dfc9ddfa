#include "agent/base/git_location.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "agent/base/error.h"
#include "tests/agent/base/shell.h"
#include "tests/agent/base/temp_dir.h"

namespace coordhub::base {
namespace {

using ::testing::HasSubstr;

// Repositories of the real git program, which says where they are.
class GitLocationTest : public testing::Test {
 protected:
  // `at`: a directory below the test's own. What git does not take for a repository must not be
  // one here either.
  void ExpectAsGit(const std::string& at) const {
    SCOPED_TRACE(at);
    const std::string git = "cd '" + dir_ / at + "' && git rev-parse --path-format=absolute ";
    const auto location = LocateRepository(dir_ / at);
    std::string common_dir;
    if (!shell_.Try(git + "--git-common-dir", &common_dir)) {
      EXPECT_EQ(ReasonOf(location.status()), pb::ERROR_REASON_WORKSPACE_NOT_FOUND) << common_dir;
      return;
    }
    ASSERT_TRUE(location.ok()) << location.status();
    EXPECT_EQ(location->common_dir, common_dir);
    EXPECT_EQ(location->git_dir, shell_.Run(git + "--git-dir"));
    EXPECT_EQ(location->worktree_name.empty(), location->git_dir == location->common_dir);
    // Within a git directory git names no worktree.
    if (std::string top; shell_.Try(git + "--show-toplevel", &top)) {
      EXPECT_EQ(location->worktree_root, top);
      EXPECT_FALSE(location->is_bare);
    }
  }

  TempDir dir_;
  Shell shell_{dir_};
};

TEST_F(GitLocationTest, OrdinaryRepositoryFromItsTopAndFromWithin) {
  shell_.Run("git init -q repo; mkdir -p repo/a/b; touch repo/a/file");
  for (const char* at : {"repo", "repo/", "repo/a/b", "repo/a/file", "repo/.git",
                         "repo/.git/refs/heads", "repo/a/../a"}) {
    const auto location = LocateRepository(dir_ / at);
    ASSERT_TRUE(location.ok()) << at << ": " << location.status();
    EXPECT_EQ(location->common_dir, dir_ / "repo/.git") << at;
    EXPECT_EQ(location->git_dir, dir_ / "repo/.git");
    EXPECT_EQ(location->worktree_root, dir_ / "repo");
    EXPECT_EQ(location->worktree_name, "");
    EXPECT_FALSE(location->is_bare);
  }
}

TEST_F(GitLocationTest, LinkedWorktreeLeadsToTheSameCommonDirectory) {
  shell_.Run(
      "git init -q repo; git -C repo commit -q --allow-empty -m first\n"
      "git -C repo worktree add -q ../elsewhere/conversation-42; mkdir "
      "elsewhere/conversation-42/a");
  const std::string git_dir = dir_ / "repo/.git/worktrees/conversation-42";
  for (const std::string& at :
       {dir_ / "elsewhere/conversation-42", dir_ / "elsewhere/conversation-42/a",
        dir_ / "elsewhere/conversation-42/.git", git_dir}) {
    const auto location = LocateRepository(at);
    ASSERT_TRUE(location.ok()) << at << ": " << location.status();
    EXPECT_EQ(location->common_dir, dir_ / "repo/.git");
    EXPECT_EQ(location->git_dir, git_dir);
    EXPECT_EQ(location->worktree_root, dir_ / "elsewhere/conversation-42");
    EXPECT_EQ(location->worktree_name, "conversation-42");
    EXPECT_FALSE(location->is_bare);
  }
  ExpectAsGit("elsewhere/conversation-42/a");
}

TEST_F(GitLocationTest, AWorktreeThatWasMovedIsWhereItIsNow) {
  shell_.Run(
      "git init -q repo; git -C repo commit -q --allow-empty -m first\n"
      "git -C repo worktree add -q ../wt; mv wt moved");
  ExpectAsGit("moved");
  EXPECT_EQ(LocateRepository(dir_ / "moved")->worktree_root, dir_ / "moved");
}

TEST_F(GitLocationTest, LinksMayBeRelative) {
  shell_.Run(
      "git init -q repo; git -C repo commit -q --allow-empty -m first\n"
      "git -C repo worktree add -q ../wt\n"
      "echo 'gitdir: ../repo/.git/worktrees/wt' > wt/.git\n"
      "echo ../../../../wt/.git > repo/.git/worktrees/wt/gitdir");
  ExpectAsGit("wt");
  EXPECT_EQ(LocateRepository(dir_ / "repo/.git/worktrees/wt")->worktree_root, dir_ / "wt");
}

TEST_F(GitLocationTest, BareRepositoryHasNoWorktree) {
  shell_.Run("git init -q --bare bare.git");
  for (const char* at : {"bare.git", "bare.git/refs"}) {
    ExpectAsGit(at);
    const auto location = LocateRepository(dir_ / at);
    ASSERT_TRUE(location.ok()) << location.status();
    EXPECT_EQ(location->common_dir, dir_ / "bare.git");
    EXPECT_EQ(location->git_dir, dir_ / "bare.git");
    EXPECT_EQ(location->worktree_root, "");
    EXPECT_TRUE(location->is_bare);
  }
}

TEST_F(GitLocationTest, BareIsAlsoWhatDoesNotSaySoAndWhatStandsInADotGit) {
  shell_.Run(
      "git init -q --bare silent.git; git -C silent.git config --unset core.bare\n"
      "mkdir hidden; git init -q --bare hidden/.git");
  for (const char* at : {"silent.git", "hidden", "hidden/.git"}) {
    ExpectAsGit(at);
    const auto location = LocateRepository(dir_ / at);
    ASSERT_TRUE(location.ok()) << location.status();
    EXPECT_TRUE(location->is_bare) << at;
    EXPECT_EQ(location->worktree_root, "");
  }
}

TEST_F(GitLocationTest, AWorktreeOfABareRepositoryIsNotBare) {
  shell_.Run(
      "git init -q repo; git -C repo commit -q --allow-empty -m first\n"
      "git clone -q --bare repo bare.git; git -C bare.git worktree add -q ../wt\n"
      "git clone -q --bare repo other.git; git -C other.git config extensions.worktreeConfig true\n"
      "git -C other.git worktree add -q ../wt2 -b two\n"
      "git -C other.git config --unset core.bare; git -C other.git config --worktree core.bare "
      "true");
  for (const char* at : {"wt", "wt2", "bare.git", "other.git"}) ExpectAsGit(at);
  EXPECT_EQ(LocateRepository(dir_ / "wt")->common_dir, dir_ / "bare.git");
  EXPECT_EQ(LocateRepository(dir_ / "wt")->worktree_root, dir_ / "wt");
  EXPECT_FALSE(LocateRepository(dir_ / "wt2")->is_bare);
  EXPECT_TRUE(LocateRepository(dir_ / "other.git")->is_bare);
}

TEST_F(GitLocationTest, AGitDirectoryMayStandApart) {
  shell_.Run("git init -q --separate-git-dir=apart repo; mkdir repo/a");
  ExpectAsGit("repo/a");
  ExpectAsGit("apart");
  const auto location = LocateRepository(dir_ / "repo/a");
  EXPECT_EQ(location->common_dir, dir_ / "apart");
  EXPECT_EQ(location->worktree_root, dir_ / "repo");
  EXPECT_EQ(location->worktree_name, "");
  // From there nothing leads back to the worktree.
  EXPECT_EQ(LocateRepository(dir_ / "apart")->worktree_root, "");
  EXPECT_FALSE(LocateRepository(dir_ / "apart")->is_bare);
}

TEST_F(GitLocationTest, ASubmoduleIsARepositoryOfItsOwn) {
  shell_.Run(
      "git init -q lib; git -C lib commit -q --allow-empty -m first\n"
      "git init -q repo; git -C repo submodule --quiet add ../lib sub/lib\n"
      "git -C repo commit -qam sub; git -C repo worktree add -q ../wt\n"
      "git -C wt submodule --quiet update --init");
  for (const char* at : {"repo", "repo/sub", "repo/sub/lib", "wt", "wt/sub/lib"}) ExpectAsGit(at);
  const auto location = LocateRepository(dir_ / "repo/sub/lib");
  EXPECT_EQ(location->common_dir, dir_ / "repo/.git/modules/sub/lib");
  EXPECT_EQ(location->worktree_root, dir_ / "repo/sub/lib");
  EXPECT_EQ(LocateRepository(dir_ / "repo/.git/modules/sub/lib")->worktree_root,
            dir_ / "repo/sub/lib");
}

TEST_F(GitLocationTest, TheConfigurationMayNameTheWorktree) {
  shell_.Run(
      "git init -q repo; mkdir -p files repo/deep\n"
      "git -C repo config core.worktree ../../files\n"
      "git init -q other; git -C other config core.worktree \"$PWD/files\"");
  EXPECT_EQ(LocateRepository(dir_ / "repo/deep")->worktree_root, dir_ / "files");
  EXPECT_EQ(LocateRepository(dir_ / "other/.git")->worktree_root, dir_ / "files");
  shell_.Run("git -C other config core.worktree /nowhere/at/all");
  EXPECT_EQ(ReasonOf(LocateRepository(dir_ / "other").status()),
            pb::ERROR_REASON_WORKSPACE_NOT_FOUND);
}

TEST_F(GitLocationTest, WhateverFormatItHas) {
  shell_.Run(
      "git init -q --object-format=sha256 long; git init -q --ref-format=files new || "
      "git init -q new\n"
      "git -C new config core.repositoryFormatVersion 1\n"
      "git -C new config extensions.refStorage reftable\n"
      "mkdir new/.git/reftable; rm -r new/.git/refs/heads; touch new/.git/refs/heads\n"
      "echo 'ref: refs/heads/.invalid' > new/.git/HEAD");
  ExpectAsGit("long");
  const auto location = LocateRepository(dir_ / "new");
  ASSERT_TRUE(location.ok()) << location.status();
  EXPECT_EQ(location->common_dir, dir_ / "new/.git");
}

TEST_F(GitLocationTest, HeadMayBeDetachedOrALink) {
  shell_.Run(
      "git init -q repo; git -C repo commit -q --allow-empty -m first\n"
      "git -C repo checkout -q --detach\n"
      "git init -q old; ln -sf refs/heads/main old/.git/HEAD");
  for (const char* at : {"repo", "old"}) ExpectAsGit(at);
  for (const char* head : {"", "garbage\n", "ref: heads/main\n", "0123456789\n"}) {
    std::ofstream(dir_ / "repo/.git/HEAD") << head;
    ExpectAsGit("repo");
  }
}

TEST_F(GitLocationTest, SymbolicLinksAreResolved) {
  shell_.Run("git init -q repo; ln -s repo link; mkdir linked; ln -s ../repo/.git linked/.git");
  const auto location = LocateRepository(dir_ / "link");
  ASSERT_TRUE(location.ok()) << location.status();
  EXPECT_EQ(location->common_dir, dir_ / "repo/.git");
  EXPECT_EQ(location->worktree_root, dir_ / "repo");
  ExpectAsGit("linked");
  EXPECT_EQ(LocateRepository(dir_ / "linked")->worktree_root, dir_ / "linked");
}

TEST_F(GitLocationTest, TheNearestOneCounts) {
  shell_.Run(
      "git init -q outer; git init -q outer/inner; mkdir -p outer/empty/.git outer/odd\n"
      "mkdir -p outer/half/.git/objects outer/half/.git/refs\n"
      "mkdir -p \"outer/a 'b\\\" c/d\"");
  for (const char* at : {"outer/inner", "outer/empty", "outer/empty/.git", "outer/half"}) {
    ExpectAsGit(at);
  }
  EXPECT_EQ(LocateRepository(dir_ / "outer/a 'b\" c/d")->worktree_root, dir_ / "outer");
}

TEST_F(GitLocationTest, NoRepositoryIsToldWithThePath) {
  // Not an existing directory: the machine may have a repository around its temporary directory.
  for (const std::string& path : {dir_ / "missing", std::string()}) {
    const auto location = LocateRepository(path);
    EXPECT_EQ(ReasonOf(location.status()), pb::ERROR_REASON_WORKSPACE_NOT_FOUND) << path;
    EXPECT_EQ(location.status().code(), absl::StatusCode::kNotFound);
    EXPECT_NE(MetadataOf(location.status(), "path"), "");
  }
}

TEST_F(GitLocationTest, ADamagedRepositoryIsNotAPanic) {
  shell_.Run("git init -q outer; mkdir outer/broken");
  for (const char* link :
       {"gitdir: /nowhere/at/all\n", "gitdir: \n", "gitdir:../.git\n", "x", "", "gitdir: ..\n"}) {
    std::ofstream(dir_ / "outer/broken/.git") << link;
    ExpectAsGit("outer/broken");
  }
  std::ofstream(dir_ / "outer/.git/config") << "[core\n";
  ExpectAsGit("outer");
  std::filesystem::remove(dir_ / "outer/.git/config");
  ExpectAsGit("outer");
}

TEST_F(GitLocationTest, AnotherUsersRepositoryIsTrustedOnlyIfGitWould) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a directory away";
  shell_.Run("git init -q repo; mkdir repo/a; chown -R 4711 repo");
  ExpectAsGit("repo/a");
  EXPECT_THAT(std::string(LocateRepository(dir_ / "repo").status().message()),
              HasSubstr("safe.directory"));
  for (const std::string& safe : {dir_ / "other", dir_ / "repo", std::string(), std::string("*"),
                                  std::string(), "\\\"" + dir_ / "repo\\\""}) {
    shell_.Run("git config --global --add safe.directory \"" + safe + "\"");
    ExpectAsGit("repo/a");
  }
  shell_.Run("git config --global --unset-all safe.directory; chown 0 repo");
  ExpectAsGit("repo");
  shell_.Run(
      "chown -R 0 repo/.git; chown 4711 repo\n"
      "git config --global include.path more; git config --file more safe.directory \"$PWD/repo\"");
  ExpectAsGit("repo/a");
  EXPECT_TRUE(LocateRepository(dir_ / "repo").ok());
}

TEST_F(GitLocationTest, ManyThreadsMayAskAtOnce) {
  shell_.Run("git init -q repo");
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this] {
      for (int i = 0; i < 20; ++i) EXPECT_TRUE(LocateRepository(dir_ / "repo").ok());
    });
  }
  for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace coordhub::base
