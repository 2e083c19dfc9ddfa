// The two secrets that name a caller.
//
// A session token is `chs_<uid>_<mac>`: the session's uid (32 hex digits) and the hexadecimal
// HMAC-SHA-256 of the uid under the workspace key. The hub keeps no secret per session: it mints
// the same token again for the same uid. The operator token is `cho_<64 hex digits>`, random, kept
// in a file of mode 0600 beside the journal. The functions are thread-safe, and pure
// but for NewOperatorToken.

#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "agent/base/ids.h"
#include "agent/base/mutex.h"

namespace coordhub::base {

// The call metadata that carry them.
inline constexpr char kSessionMetadataKey[] = "coordhub-session";
inline constexpr char kOperatorMetadataKey[] = "coordhub-operator";
// Names the program that calls: whose window of remembered requests a mutation is in.
inline constexpr char kClientMetadataKey[] = "coordhub-client";

// The token of the session `uid`, which is 32 lowercase hex digits, under `workspace_key`, which is
// secret and not empty.
std::string MintSessionToken(std::string_view workspace_key, std::string_view uid);

// The uid of the session that `token` names. Whether that session lives is not asked here.
//
// Errors:
//   UNAUTHENTICATED/TOKEN_INVALID  not of this form, or not minted under `workspace_key`.
absl::StatusOr<std::string> VerifySessionToken(std::string_view workspace_key,
                                               std::string_view token);

// VerifySessionToken for one workspace, many times: remembers the tokens of the sessions that were
// seen, so that a call costs a comparison instead of an HMAC. What is looked up is the uid, which
// is no secret; the token is compared in constant time. Any thread.
class SessionTokenVerifier {
 public:
  // How many are remembered; then it begins anew.
  static constexpr size_t kMaxRemembered = 16'384;

  explicit SessionTokenVerifier(std::string_view workspace_key) : key_(workspace_key) {}

  absl::StatusOr<std::string> Verify(std::string_view token) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  const std::string key_;
  base::Mutex mu_;  // a leaf
  // By uid.
  std::map<std::string, std::string, std::less<>> tokens_ ABSL_GUARDED_BY(mu_);
};

// A new operator token.
std::string NewOperatorToken(IdSource& ids);

// Whether `presented` is `expected`, and that is a real operator token (so that an empty file never
// lets an empty token in).
bool OperatorTokenMatches(std::string_view expected, std::string_view presented);

}  // namespace coordhub::base
