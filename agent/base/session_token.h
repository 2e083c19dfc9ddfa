// The two secrets that name a caller.
//
// A session token is `chs_<uid>_<mac>`: the session's uid (32 hex digits) and the hexadecimal
// HMAC-SHA-256 of the uid under the workspace key. The hub keeps no secret per session: it mints
// the same token again for the same uid. The operator token is `cho_<64 hex digits>`, random, kept
// in a file of mode 0600 beside the journal. Thread-safe, pure but for NewOperatorToken.

#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "agent/base/ids.h"

namespace coordhub::base {

// The call metadata that carry them.
inline constexpr char kSessionMetadataKey[] = "coordhub-session";
inline constexpr char kOperatorMetadataKey[] = "coordhub-operator";

// The token of the session `uid`, which is 32 lowercase hex digits, under `workspace_key`, which is
// secret and not empty.
std::string MintSessionToken(std::string_view workspace_key, std::string_view uid);

// The uid of the session that `token` names. Whether that session lives is not asked here.
//
// Errors:
//   UNAUTHENTICATED/TOKEN_INVALID  not of this form, or not minted under `workspace_key`.
absl::StatusOr<std::string> VerifySessionToken(std::string_view workspace_key,
                                               std::string_view token);

// A new operator token.
std::string NewOperatorToken(IdSource& ids);

// Whether `presented` is `expected`, and that is a real operator token (so that an empty file never
// lets an empty token in).
bool OperatorTokenMatches(std::string_view expected, std::string_view presented);

}  // namespace coordhub::base
