#include "agent/base/session_token.h"

#include <algorithm>
#include <cstddef>

#include "agent/base/error.h"
#include "agent/base/sha256.h"

namespace coordhub::base {
namespace {

constexpr std::string_view kSessionPrefix = "chs_";
constexpr std::string_view kOperatorPrefix = "cho_";
constexpr size_t kUidDigits = 32;
constexpr size_t kSecretDigits = 64;
constexpr size_t kSessionTokenBytes = kSessionPrefix.size() + kUidDigits + 1 + kSecretDigits;

bool IsLowerHex(std::string_view s) {
  return std::all_of(s.begin(), s.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace

std::string MintSessionToken(std::string_view workspace_key, std::string_view uid) {
  std::string token(kSessionPrefix);
  token += uid;
  token += '_';
  token += HexEncode(HmacSha256(workspace_key, uid));
  return token;
}

absl::StatusOr<std::string> VerifySessionToken(std::string_view workspace_key,
                                               std::string_view token) {
  // One message for every case: a caller who guesses learns nothing about which part was wrong.
  const auto invalid = [] {
    return MakeError(pb::ERROR_REASON_TOKEN_INVALID,
                     "the session token is not one of this workspace");
  };
  if (token.size() != kSessionTokenBytes || token.substr(0, 4) != kSessionPrefix) return invalid();
  const std::string_view uid = token.substr(kSessionPrefix.size(), kUidDigits);
  if (!IsLowerHex(uid) || workspace_key.empty()) return invalid();
  if (!ConstantTimeEqual(MintSessionToken(workspace_key, uid), token)) return invalid();
  return std::string(uid);
}

absl::StatusOr<std::string> SessionTokenVerifier::Verify(std::string_view token) {
  if (token.size() == kSessionTokenBytes) {
    const std::string_view uid = token.substr(kSessionPrefix.size(), kUidDigits);
    base::MutexLock lock(&mu_);
    const auto known = tokens_.find(uid);
    if (known != tokens_.end() && ConstantTimeEqual(known->second, token)) return known->first;
  }
  absl::StatusOr<std::string> uid = VerifySessionToken(key_, token);
  if (uid.ok()) {
    base::MutexLock lock(&mu_);
    if (tokens_.size() >= kMaxRemembered) tokens_.clear();
    tokens_[*uid] = std::string(token);
  }
  return uid;
}

std::string NewOperatorToken(IdSource& ids) {
  return std::string(kOperatorPrefix) + ids.NewSecret();
}

bool OperatorTokenMatches(std::string_view expected, std::string_view presented) {
  const bool real = expected.size() == kOperatorPrefix.size() + kSecretDigits &&
                    expected.substr(0, kOperatorPrefix.size()) == kOperatorPrefix &&
                    IsLowerHex(expected.substr(kOperatorPrefix.size()));
  return real && ConstantTimeEqual(expected, presented);
}

}  // namespace coordhub::base
