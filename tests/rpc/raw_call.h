// Unary calls of any method with any bytes.

#pragma once

#include <string>

#include "google/protobuf/descriptor.h"
#include "tests/rpc/hub_fixture.h"

namespace coordhub::rpc {

struct RawAnswer {
  grpc::Status status;
  std::string response;
};

// Calls a method, of whatever type, with one request, and gives its end. A stream that answers is
// cut after its first answer, and counts as OK.
RawAnswer CallRaw(const Client& client, const google::protobuf::MethodDescriptor& method,
                  const std::string& request);
RawAnswer CallRaw(const Client& client, const std::string& path, const std::string& request);

// A text that a message may hold, and what replaces it in the message's bytes: text of the same
// length that is not UTF-8.
inline constexpr char kBadTextMark[] = "@BAD@";
std::string Spoil(std::string bytes);

}  // namespace coordhub::rpc
