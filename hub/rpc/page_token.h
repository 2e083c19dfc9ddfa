// What `next_page_token` holds. Opaque to clients; not signed, for a forged one only misleads its
// forger. Pure; any thread.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "google/protobuf/message.h"

namespace coordhub::rpc {

struct PageToken {
  // The log that the listing shows; empty for listings of no log.
  std::string log_id;
  // The revision that all pages show, or the last one that was looked at (ListEvents).
  int64_t revision = 0;
  // The next page begins after this key. Empty: not by key.
  std::string last_key;
};

// `query` is the hash of QueryOf.
std::string EncodePageToken(const PageToken& token, std::string_view query);

// Errors:
//   PAGE_TOKEN_INVALID  malformed, or made for another query.
absl::StatusOr<PageToken> DecodePageToken(const std::string& encoded, std::string_view query);

// For listings of no log: the key after which the page begins; empty for the first page. Errors:
// those of DecodePageToken.
absl::StatusOr<std::string> PageAfterKey(const std::string& page_token, std::string_view query);

// Hashes what makes a listing what it is: all of the request but its page and how fresh it must be.
std::string QueryHash(const google::protobuf::Message& request_without_page);

template <class Request>
std::string QueryOf(Request request) {
  request.clear_page_token();
  request.clear_page_size();
  if constexpr (requires { request.clear_min_revision(); }) request.clear_min_revision();
  return QueryHash(request);
}

}  // namespace coordhub::rpc
