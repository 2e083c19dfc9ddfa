#include "agent/coordctl/session_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "agent/base/error.h"

namespace coordhub::coordctl {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class SessionStoreTest : public testing::Test {
 protected:
  SessionStoreTest() {
    std::string pattern = testing::TempDir() + "/storeXXXXXX";
    root_ = mkdtemp(pattern.data());
    store_ = std::make_unique<SessionStore>(root_ + "/state/sessions", "");
  }
  ~SessionStoreTest() override { std::filesystem::remove_all(root_); }

  std::vector<std::string> Files() {
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root_)) {
      if (entry.is_regular_file()) files.push_back(entry.path().string());
    }
    return files;
  }
  static int ModeOf(const std::string& path) {
    struct stat info {};
    EXPECT_EQ(stat(path.c_str(), &info), 0);
    return static_cast<int>(info.st_mode & 0777);
  }

  std::string root_;
  std::unique_ptr<SessionStore> store_;
};

TEST_F(SessionStoreTest, KeepsTokensWhereOnlyTheirOwnerCanReadThem) {
  ASSERT_TRUE(store_->Put({"conversation-42", "/w", "chs_secret"}).ok());
  const auto files = Files();
  ASSERT_EQ(files.size(), 1u);
  EXPECT_EQ(ModeOf(files[0]), 0600);
  EXPECT_EQ(ModeOf(std::filesystem::path(files[0]).parent_path()), 0700);
  EXPECT_EQ(ModeOf(root_ + "/state/sessions"), 0700);
}

TEST_F(SessionStoreTest, FindsSessionsByWorktree) {
  ASSERT_TRUE(store_->Put({"a", "/w1", "chs_a"}).ok());
  ASSERT_TRUE(store_->Put({"b", "/w2", "chs_b"}).ok());
  ASSERT_TRUE(store_->Put({"c", "/w1", "chs_c"}).ok());
  const auto sessions = store_->List("/w1");
  ASSERT_EQ(sessions.size(), 2u);
  EXPECT_EQ(sessions[0].agent_id, "a");
  EXPECT_EQ(sessions[0].token, "chs_a");
  EXPECT_EQ(sessions[0].worktree, "/w1");
  EXPECT_EQ(sessions[1].agent_id, "c");
  EXPECT_EQ(store_->ListAll().size(), 3u);
  EXPECT_TRUE(store_->List("/elsewhere").empty());
}

TEST_F(SessionStoreTest, ANewSessionTakesThePlaceOfTheOld) {
  ASSERT_TRUE(store_->Put({"a", "/w", "chs_1"}).ok());
  ASSERT_TRUE(store_->Put({"a", "/w", "chs_2"}).ok());
  ASSERT_EQ(store_->List("/w").size(), 1u);
  EXPECT_EQ(store_->List("/w")[0].token, "chs_2");
}

TEST_F(SessionStoreTest, RemovesOneAndDoesNotMindIfItIsGone) {
  ASSERT_TRUE(store_->Put({"a", "/w", "chs_a"}).ok());
  EXPECT_TRUE(store_->Remove("/w", "a").ok());
  EXPECT_TRUE(store_->Remove("/w", "a").ok());
  EXPECT_TRUE(store_->Remove("/never", "b").ok());
  EXPECT_TRUE(store_->List("/w").empty());
}

TEST_F(SessionStoreTest, NoNameLeavesTheDirectoryOrMeetsAnother) {
  const std::vector<std::string> names = {"../../evil",          ".hidden", "a/b", "a%2Fb", "..",
                                          std::string(128, '/'), "a b",     "ä"};
  for (const std::string& name : names) ASSERT_TRUE(store_->Put({name, "/w", "chs_" + name}).ok());
  EXPECT_EQ(store_->List("/w").size(), names.size());
  for (const std::string& file : Files()) EXPECT_THAT(file, HasSubstr("/state/sessions/"));
}

TEST_F(SessionStoreTest, HubsElsewhereHaveSessionsOfTheirOwn) {
  const SessionStore other(root_ + "/state/sessions", "10.0.0.1:7420");
  ASSERT_TRUE(store_->Put({"a", "/w", "chs_here"}).ok());
  ASSERT_TRUE(other.Put({"a", "/w", "chs_there"}).ok());
  ASSERT_EQ(store_->List("/w").size(), 1u);
  EXPECT_EQ(store_->List("/w")[0].token, "chs_here");
  EXPECT_EQ(store_->ListAll().size(), 1u);
  EXPECT_EQ(other.List("/w")[0].token, "chs_there");
}

TEST_F(SessionStoreTest, LeavesDamagedFilesOut) {
  ASSERT_TRUE(store_->Put({"a", "/w", "chs_a"}).ok());
  std::ofstream(Files()[0]) << "{\"agent\": 7}";
  EXPECT_TRUE(store_->List("/w").empty());
}

TEST_F(SessionStoreTest, ReadTokenTakesATokenOrAFile) {
  std::ofstream(root_ + "/plain") << "chs_in_file\n";
  ASSERT_TRUE(store_->Put({"a", "/w", "chs_stored"}).ok());
  EXPECT_EQ(ReadToken("chs_direct", "x").value(), "chs_direct");
  for (const std::string& file : Files()) {
    EXPECT_EQ(ReadToken(file, "x").value(),
              file == root_ + "/plain" ? "chs_in_file" : "chs_stored");
  }
}

TEST_F(SessionStoreTest, ReadTokenNeverRepeatsWhatItWasGiven) {
  const auto token = ReadToken("cho_or_some_other_secret", "COORDHUB_SESSION");
  EXPECT_EQ(base::MetadataOf(token.status(), "field"), "COORDHUB_SESSION");
  EXPECT_THAT(token.status().ToString(), Not(HasSubstr("secret")));
}

}  // namespace
}  // namespace coordhub::coordctl
