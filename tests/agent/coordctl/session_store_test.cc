#include "agent/coordctl/session_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>

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

  static WorktreeRef At(const std::string& path) { return {path, "id of " + path}; }
  absl::Status Put(const std::string& agent, const std::string& path, const std::string& token) {
    return store_->Put(At(path), agent, token);
  }

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
  ASSERT_TRUE(Put("conversation-42", "/w", "chs_secret").ok());
  const auto files = Files();
  ASSERT_EQ(files.size(), 1u);
  EXPECT_EQ(ModeOf(files[0]), 0600);
  EXPECT_EQ(ModeOf(std::filesystem::path(files[0]).parent_path()), 0700);
  EXPECT_EQ(ModeOf(root_ + "/state/sessions"), 0700);
}

TEST_F(SessionStoreTest, FindsSessionsByWorktree) {
  ASSERT_TRUE(Put("a", "/w1", "chs_a").ok());
  ASSERT_TRUE(Put("b", "/w2", "chs_b").ok());
  ASSERT_TRUE(Put("c", "/w1", "chs_c").ok());
  const auto sessions = store_->List(At("/w1")).live;
  ASSERT_EQ(sessions.size(), 2u);
  EXPECT_EQ(sessions[0].agent_id, "a");
  EXPECT_EQ(sessions[0].token, "chs_a");
  EXPECT_EQ(sessions[0].worktree, "/w1");
  EXPECT_EQ(sessions[1].agent_id, "c");
  EXPECT_EQ(store_->ListAll().size(), 3u);
  EXPECT_TRUE(store_->List(At("/elsewhere")).live.empty());
}

TEST_F(SessionStoreTest, ANewSessionTakesThePlaceOfTheOld) {
  ASSERT_TRUE(Put("a", "/w", "chs_1").ok());
  ASSERT_TRUE(Put("a", "/w", "chs_2").ok());
  ASSERT_EQ(store_->List(At("/w")).live.size(), 1u);
  EXPECT_EQ(store_->List(At("/w")).live[0].token, "chs_2");
}

TEST_F(SessionStoreTest, ATombstoneTakesThePlaceOfASessionAndHasNoToken) {
  ASSERT_TRUE(Put("a", "/w", "chs_a").ok());
  const StoredSession session = store_->List(At("/w")).live[0];
  store_->Entomb(session);
  const KeptSessions kept = store_->List(At("/w"));
  EXPECT_TRUE(kept.live.empty());
  ASSERT_EQ(kept.ended.size(), 1u);
  EXPECT_EQ(kept.ended[0].agent_id, "a");
  std::stringstream text;
  text << std::ifstream(Files()[0]).rdbuf();
  EXPECT_THAT(text.str(), Not(HasSubstr("chs_")));
  store_->Entomb(session);  // once is enough
  EXPECT_EQ(store_->List(At("/w")).ended.size(), 1u);
}

TEST_F(SessionStoreTest, ASessionThatHasBegunSinceIsNotEntombed) {
  ASSERT_TRUE(Put("a", "/w", "chs_1").ok());
  const StoredSession old = store_->List(At("/w")).live[0];
  ASSERT_TRUE(Put("a", "/w", "chs_2").ok());
  store_->Entomb(old);
  store_->Remove(old);
  ASSERT_EQ(store_->List(At("/w")).live.size(), 1u);
}

TEST_F(SessionStoreTest, ForgettingWhoEndedLeavesTheLiving) {
  ASSERT_TRUE(Put("a", "/w", "chs_a").ok());
  ASSERT_TRUE(Put("b", "/w", "chs_b").ok());
  ASSERT_TRUE(Put("c", "/w", "chs_c").ok());
  store_->Entomb(store_->List(At("/w")).live[0]);
  std::ofstream(store_->List(At("/w")).live[1].file) << "damaged";
  store_->ForgetEnded(At("/w"));
  const KeptSessions kept = store_->List(At("/w"));
  ASSERT_EQ(kept.live.size(), 1u);
  EXPECT_EQ(kept.live[0].agent_id, "b");
  EXPECT_TRUE(kept.ended.empty());
  EXPECT_TRUE(kept.unreadable.empty());
}

TEST_F(SessionStoreTest, WhatIsBoundToAWorktreeIsNotItsPaths) {
  ASSERT_TRUE(Put("a", "/w", "chs_a").ok());
  EXPECT_TRUE(store_->List({"/w", "another"}).live.empty());
  EXPECT_TRUE(store_->List({"/w", ""}).live.empty());
  EXPECT_TRUE(store_->List({"/w", "", /*by_path=*/true}).live.empty());
  EXPECT_EQ(store_->List({"/moved", "id of /w"}).live.size(), 1u);
}

TEST_F(SessionStoreTest, NoNameLeavesTheDirectoryOrMeetsAnother) {
  const std::vector<std::string> names = {"../../evil",          ".hidden", "a/b", "a%2Fb", "..",
                                          std::string(128, '/'), "a b",     "ä"};
  for (const std::string& name : names) ASSERT_TRUE(Put(name, "/w", "chs_" + name).ok());
  EXPECT_EQ(store_->List(At("/w")).live.size(), names.size());
  for (const std::string& file : Files()) EXPECT_THAT(file, HasSubstr("/state/sessions/"));
}

TEST_F(SessionStoreTest, HubsElsewhereHaveSessionsOfTheirOwn) {
  const SessionStore other(root_ + "/state/sessions", "10.0.0.1:7420");
  ASSERT_TRUE(Put("a", "/w", "chs_here").ok());
  ASSERT_TRUE(other.Put(At("/w"), "a", "chs_there").ok());
  ASSERT_EQ(store_->List(At("/w")).live.size(), 1u);
  EXPECT_EQ(store_->List(At("/w")).live[0].token, "chs_here");
  EXPECT_EQ(store_->ListAll().size(), 1u);
  EXPECT_EQ(other.List(At("/w")).live[0].token, "chs_there");
}

TEST_F(SessionStoreTest, DamagedFilesAreNotOverlooked) {
  ASSERT_TRUE(Put("a", "/w", "chs_a").ok());
  std::ofstream(Files()[0]) << "{\"agent\": 7}";
  EXPECT_TRUE(store_->List(At("/w")).live.empty());
  ASSERT_EQ(store_->List(At("/w")).unreadable.size(), 1u);
  EXPECT_THAT(store_->List(At("/w")).unreadable[0], HasSubstr(Files()[0]));
}

TEST_F(SessionStoreTest, ReadTokenTakesATokenOrAFile) {
  std::ofstream(root_ + "/plain") << "chs_in_file\n";
  ASSERT_TRUE(Put("a", "/w", "chs_stored").ok());
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
