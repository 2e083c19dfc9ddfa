#include "hub/rpc/page_token.h"

#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "agent/base/string_view.h"
#include "hub/core/request.h"

namespace coordhub::rpc {
namespace {

// Bumped when the fields change, so that a token from before an upgrade is told apart.
constexpr char kVersion[] = "1";
constexpr size_t kQueryHashBytes = 12;

absl::Status Invalid(std::string_view why) {
  return base::MakeError(base::pb::ERROR_REASON_PAGE_TOKEN_INVALID,
                         absl::StrCat("page_token ", base::ToAbsl(why)));
}

}  // namespace

absl::StatusOr<std::string> PageAfterKey(const std::string& page_token, std::string_view query) {
  if (page_token.empty()) return std::string();
  COORDHUB_ASSIGN_OR_RETURN(PageToken token, DecodePageToken(page_token, query));
  return std::move(token.last_key);
}

std::string QueryHash(const google::protobuf::Message& request_without_page) {
  return core::Fingerprint(request_without_page.GetDescriptor()->full_name(), request_without_page)
      .substr(0, kQueryHashBytes);
}

std::string EncodePageToken(const PageToken& token, std::string_view query) {
  return absl::WebSafeBase64Escape(
      absl::StrCat(kVersion, "\n", absl::WebSafeBase64Escape(base::ToAbsl(query)), "\n",
                   token.log_id, "\n", token.revision, "\n", token.last_key));
}

absl::StatusOr<PageToken> DecodePageToken(const std::string& encoded, std::string_view query) {
  std::string plain;
  if (!absl::WebSafeBase64Unescape(encoded, &plain)) return Invalid("is malformed");
  const std::vector<std::string> fields = absl::StrSplit(plain, '\n');
  PageToken token;
  if (fields.size() != 5 || fields[0] != kVersion ||
      !absl::SimpleAtoi(fields[3], &token.revision) || token.revision < 0) {
    return Invalid("is malformed");
  }
  if (fields[1] != absl::WebSafeBase64Escape(base::ToAbsl(query))) {
    return Invalid("belongs to another query");
  }
  token.log_id = fields[2];
  token.last_key = fields[4];
  return token;
}

}  // namespace coordhub::rpc
