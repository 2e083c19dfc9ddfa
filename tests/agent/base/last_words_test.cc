#include "agent/base/last_words.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/agent/base/temp_dir.h"

namespace coordhub::base {
namespace {

TEST(LastWords, AreReadUntilTheyAreForgotten) {
  TempDir temp;
  EXPECT_FALSE(ReadLastWords(temp.path()).has_value());
  const absl::Time time = absl::FromUnixSeconds(1'753'790'400);
  ASSERT_TRUE(LeaveLastWords(temp.path(), {time, 42, "the lock\nwas removed"}).ok());
  const auto words = ReadLastWords(temp.path());
  ASSERT_TRUE(words.has_value());
  EXPECT_EQ(words->time, time);
  EXPECT_EQ(words->pid, 42);
  EXPECT_EQ(words->what, "the lock was removed");
  ForgetLastWords(temp.path());
  ForgetLastWords(temp.path());
  EXPECT_FALSE(ReadLastWords(temp.path()).has_value());
}

TEST(LastWords, ThatAreSomebodyElsesAreNone) {
  TempDir temp;
  std::ofstream(temp / "coordhub.stopped") << "yesterday\n4\nx\n";
  EXPECT_FALSE(ReadLastWords(temp.path()).has_value());
}

}  // namespace
}  // namespace coordhub::base
