// Between the bytes of a call and messages. gRPC would parse requests by itself, but answers those
// that it cannot with an INTERNAL of its own that names no field; so all methods of ours are
// registered as raw ones and parse here. It costs nothing: gRPC's own parser is what runs.
//
// All functions are pure and thread-safe.

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "google/protobuf/message.h"
#include "grpcpp/support/byte_buffer.h"

namespace coordhub::rpc {

// Bounds a request as a whole, BatchCreateTickets above all.
inline constexpr size_t kMaxRequestBytes = 1 << 20;

// Parses `bytes` into `request`, which is empty. Fields that the contract does not have are
// dropped, at every depth: they have no limits, a record would keep them, and a later version of
// the hub that has them would read what nobody checked. Errors:
//   INVALID_FIELD  text that is not UTF-8, naming the field by its path; or bytes that are no
//   message
//                  of this type, with the field `request`.
//   LIMIT_REACHED  more than kMaxRequestBytes. Metadata: `limit_name` request_bytes, `limit`.
absl::Status ParseRequest(const grpc::ByteBuffer& bytes, google::protobuf::Message* request);

// The path of the first text in the serialized `type` that is not UTF-8, as
// `tickets[3].spec.title`; nullopt if there is none, or the bytes end in the midst of something.
std::optional<std::string> FindMalformedText(std::string_view bytes,
                                             const google::protobuf::Descriptor& type);

grpc::ByteBuffer Encode(const google::protobuf::Message& message);

}  // namespace coordhub::rpc
