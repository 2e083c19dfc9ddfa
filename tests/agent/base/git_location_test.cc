#include "agent/base/git_location.h"

#include <git2.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "agent/base/error.h"
#include "tests/agent/base/temp_dir.h"

namespace coordhub::base {
namespace {

// Real repositories, made by libgit2.
class GitLocationTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { git_libgit2_init(); }
  static void TearDownTestSuite() { git_libgit2_shutdown(); }

  static void Init(const std::string& path, bool bare) {
    git_repository* repository = nullptr;
    ASSERT_EQ(git_repository_init(&repository, path.c_str(), bare ? 1 : 0), 0);
    git_repository_free(repository);
  }

  // A worktree needs a commit to stand on.
  static void CommitAndAddWorktree(const std::string& repository_path, const std::string& name,
                                   const std::string& worktree_path) {
    git_repository* repository = nullptr;
    ASSERT_EQ(git_repository_open(&repository, repository_path.c_str()), 0);
    git_oid tree_id;
    git_treebuilder* builder = nullptr;
    ASSERT_EQ(git_treebuilder_new(&builder, repository, nullptr), 0);
    ASSERT_EQ(git_treebuilder_write(&tree_id, builder), 0);
    git_tree* tree = nullptr;
    ASSERT_EQ(git_tree_lookup(&tree, repository, &tree_id), 0);
    git_signature* author = nullptr;
    ASSERT_EQ(git_signature_new(&author, "A", "a@example.org", 0, 0), 0);
    git_oid commit;
    ASSERT_EQ(git_commit_create(&commit, repository, "HEAD", author, author, nullptr, "first", tree,
                                0, nullptr),
              0);
    git_worktree* worktree = nullptr;
    ASSERT_EQ(git_worktree_add(&worktree, repository, name.c_str(), worktree_path.c_str(), nullptr),
              0);
    git_worktree_free(worktree);
    git_signature_free(author);
    git_tree_free(tree);
    git_treebuilder_free(builder);
    git_repository_free(repository);
  }

  TempDir dir_;
};

TEST_F(GitLocationTest, OrdinaryRepositoryFromItsTopAndFromWithin) {
  Init(dir_ / "repo", false);
  std::filesystem::create_directories(dir_ / "repo/a/b");
  std::ofstream(dir_ / "repo/a/file") << "x";
  for (const char* at : {"repo", "repo/", "repo/a/b", "repo/a/file", "repo/.git", "repo/a/../a"}) {
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
  Init(dir_ / "repo", false);
  ASSERT_NO_FATAL_FAILURE(
      CommitAndAddWorktree(dir_ / "repo", "conversation-42", dir_ / "worktrees-of-it"));
  const auto location = LocateRepository(dir_ / "worktrees-of-it");
  ASSERT_TRUE(location.ok()) << location.status();
  EXPECT_EQ(location->common_dir, dir_ / "repo/.git");
  EXPECT_EQ(location->git_dir, dir_ / "repo/.git/worktrees/conversation-42");
  EXPECT_EQ(location->worktree_root, dir_ / "worktrees-of-it");
  EXPECT_EQ(location->worktree_name, "conversation-42");
  EXPECT_FALSE(location->is_bare);
}

TEST_F(GitLocationTest, BareRepositoryHasNoWorktree) {
  Init(dir_ / "bare.git", true);
  const auto location = LocateRepository(dir_ / "bare.git/refs");
  ASSERT_TRUE(location.ok()) << location.status();
  EXPECT_EQ(location->common_dir, dir_ / "bare.git");
  EXPECT_EQ(location->git_dir, dir_ / "bare.git");
  EXPECT_EQ(location->worktree_root, "");
  EXPECT_TRUE(location->is_bare);
}

TEST_F(GitLocationTest, SymbolicLinksAreResolved) {
  Init(dir_ / "repo", false);
  std::filesystem::create_directory_symlink(dir_ / "repo", dir_ / "link");
  const auto location = LocateRepository(dir_ / "link");
  ASSERT_TRUE(location.ok()) << location.status();
  EXPECT_EQ(location->common_dir, dir_ / "repo/.git");
  EXPECT_EQ(location->worktree_root, dir_ / "repo");
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
  std::filesystem::create_directory(dir_ / "broken");
  std::ofstream(dir_ / "broken/.git") << "gitdir: /nowhere/at/all\n";
  EXPECT_EQ(ReasonOf(LocateRepository(dir_ / "broken").status()),
            pb::ERROR_REASON_WORKSPACE_NOT_FOUND);
}

TEST_F(GitLocationTest, ManyThreadsMayAskAtOnce) {
  Init(dir_ / "repo", false);
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
