#include "agent/coordctl/suggest.h"

#include <gtest/gtest.h>

namespace coordhub::coordctl {
namespace {

const std::vector<std::string> kKnown = {"create", "claim", "cancel", "complete", "list", "show"};

TEST(Nearest, TakesWhatTheWordBegins) { EXPECT_EQ(Nearest("comp", kKnown), "complete"); }

TEST(Nearest, ForgivesTypingErrors) {
  EXPECT_EQ(Nearest("lsit", kKnown), "list");      // exchanged
  EXPECT_EQ(Nearest("claimm", kKnown), "claim");   // one too many
  EXPECT_EQ(Nearest("cancl", kKnown), "cancel");   // one missing
  EXPECT_EQ(Nearest("creete", kKnown), "create");  // one wrong
}

TEST(Nearest, DoesNotInventAMeaning) {
  EXPECT_EQ(Nearest("frobnicate", kKnown), "");
  EXPECT_EQ(Nearest("x", kKnown), "");
  EXPECT_EQ(Nearest("", kKnown), "");
  EXPECT_EQ(Nearest(std::string(1000, 'l'), kKnown), "");
  EXPECT_EQ(Nearest("list", {}), "");
}

}  // namespace
}  // namespace coordhub::coordctl
