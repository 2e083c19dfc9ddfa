#include "agent/base/ids.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace coordhub::base {
namespace {

using ::testing::MatchesRegex;

TEST(SystemIdSource, UidsAre32LowercaseHexDigitsAndDiffer) {
  SystemIdSource ids;
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string uid = ids.NewUid();
    ASSERT_THAT(uid, MatchesRegex("[0-9a-f]{32}"));
    ASSERT_TRUE(seen.insert(uid).second);
  }
  EXPECT_THAT(ids.NewSecret(), MatchesRegex("[0-9a-f]{64}"));
  EXPECT_NE(ids.NextRandom(), ids.NextRandom());
}

TEST(SequenceIdSource, RepeatsItselfFromTheSameSeedOnly) {
  SequenceIdSource a(1);
  SequenceIdSource b(1);
  SequenceIdSource c(2);
  for (int i = 0; i < 100; ++i) {
    const std::string uid = a.NewUid();
    EXPECT_EQ(uid, b.NewUid());
    EXPECT_NE(uid, c.NewUid());
  }
}

// Recorded simulations depend on it.
TEST(SequenceIdSource, GivesTheSameWordsOnEveryMachine) {
  SequenceIdSource ids(0);
  EXPECT_EQ(ids.NextRandom(), 0xe220a8397b1dcdaf);
  EXPECT_EQ(ids.NextRandom(), 0x6e789e6aa1b965f4);
  EXPECT_EQ(ids.NextRandom(), 0x06c45d188009454f);
}

TEST(SequenceIdSource, IsUniqueAcrossThreads) {
  SequenceIdSource ids(3);
  std::vector<std::vector<uint64_t>> words(4);
  std::vector<std::thread> threads;
  for (auto& mine : words) {
    threads.emplace_back([&ids, &mine] {
      for (int i = 0; i < 1000; ++i) mine.push_back(ids.NextRandom());
    });
  }
  for (auto& thread : threads) thread.join();
  std::set<uint64_t> all;
  for (const auto& mine : words) all.insert(mine.begin(), mine.end());
  EXPECT_EQ(all.size(), 4000u);
}

}  // namespace
}  // namespace coordhub::base
