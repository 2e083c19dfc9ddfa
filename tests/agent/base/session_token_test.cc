#include "agent/base/session_token.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "agent/base/error.h"

namespace coordhub::base {
namespace {

constexpr char kUid[] = "0123456789abcdef0123456789abcdef";

TEST(SessionToken, IsMintedTheSameEachTimeAndNamesItsSession) {
  const std::string token = MintSessionToken("key", kUid);
  EXPECT_EQ(token, MintSessionToken("key", kUid));
  EXPECT_THAT(token, testing::MatchesRegex("chs_[0-9a-f]{32}_[0-9a-f]{64}"));
  EXPECT_EQ(*VerifySessionToken("key", token), kUid);
}

TEST(SessionToken, AnyOtherTextIsRefusedWithoutSayingWhy) {
  const std::string token = MintSessionToken("key", kUid);
  std::vector<std::string> forgeries = {"",
                                        "chs_",
                                        kUid,
                                        token + "0",
                                        " " + token,
                                        token.substr(0, token.size() - 1),
                                        MintSessionToken("other key", kUid),
                                        std::string(token.size(), 'a'),
                                        std::string(token.size(), '\0'),
                                        "CHS_" + token.substr(4),
                                        "cho_" + token.substr(4)};
  for (size_t i = 0; i < token.size(); ++i) {  // every single changed character
    std::string changed = token;
    changed[i] = changed[i] == '0' ? '1' : '0';
    forgeries.push_back(changed);
  }
  for (const std::string& forged : forgeries) {
    const auto result = VerifySessionToken("key", forged);
    ASSERT_FALSE(result.ok()) << forged;
    EXPECT_EQ(ReasonOf(result.status()), pb::ERROR_REASON_TOKEN_INVALID);
    EXPECT_EQ(result.status().message(), "the session token is not one of this workspace");
  }
}

// A uid that is not 32 lowercase digits must not verify, even with a right HMAC.
TEST(SessionToken, TheUidMustBeOne) {
  const std::string upper = "0123456789ABCDEF0123456789ABCDEF";
  EXPECT_FALSE(VerifySessionToken("key", MintSessionToken("key", upper)).ok());
  EXPECT_FALSE(VerifySessionToken("key", MintSessionToken("key", "short")).ok());
}

TEST(SessionToken, NothingVerifiesUnderAnEmptyKey) {
  EXPECT_FALSE(VerifySessionToken("", MintSessionToken("", kUid)).ok());
}

TEST(OperatorToken, MatchesItselfOnly) {
  SystemIdSource ids;
  const std::string token = NewOperatorToken(ids);
  EXPECT_THAT(token, testing::MatchesRegex("cho_[0-9a-f]{64}"));
  EXPECT_TRUE(OperatorTokenMatches(token, token));
  EXPECT_FALSE(OperatorTokenMatches(token, NewOperatorToken(ids)));
  EXPECT_FALSE(OperatorTokenMatches(token, ""));
  EXPECT_FALSE(OperatorTokenMatches("", ""));
  EXPECT_FALSE(OperatorTokenMatches("cho_", "cho_"));
}

// What a verifier remembers is what was proved, never what was claimed.
TEST(SessionTokenVerifierTest, RemembersOnlyWhatIsTrue) {
  SessionTokenVerifier verifier("key");
  const std::string token = MintSessionToken("key", kUid);
  std::string forged = token;
  forged.back() = forged.back() == '0' ? '1' : '0';
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(verifier.Verify(forged).ok());
    EXPECT_FALSE(verifier.Verify("").ok());
    EXPECT_FALSE(verifier.Verify(MintSessionToken("other", kUid)).ok());
    ASSERT_TRUE(verifier.Verify(token).ok());
    EXPECT_EQ(*verifier.Verify(token), kUid);
  }
}

TEST(SessionTokenVerifierTest, ForgetsRatherThanGrow) {
  SessionTokenVerifier verifier("key");
  SequenceIdSource ids(7);
  std::string first;
  for (size_t i = 0; i <= SessionTokenVerifier::kMaxRemembered; ++i) {
    const std::string uid = ids.NewUid();
    const std::string token = MintSessionToken("key", uid);
    if (first.empty()) first = token;
    ASSERT_EQ(*verifier.Verify(token), uid);
  }
  EXPECT_TRUE(verifier.Verify(first).ok());
}

}  // namespace
}  // namespace coordhub::base
