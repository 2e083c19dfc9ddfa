// Whether two requests under one request_id say the same.

#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "google/protobuf/message.h"

namespace coordhub::core {

// SHA-256 (raw, 32 bytes) over the method's name and the message, the same on every machine for the
// same content. Pure; any thread.
std::string Fingerprint(std::string_view method, const google::protobuf::Message& message);

// The fingerprint of a request whatever its request_id, which is set aside meanwhile. `method` is
// the RPC's name: `CreateTicket`.
template <class Request>
std::string RequestFingerprint(std::string_view method, Request* request) {
  std::string id = std::move(*request->mutable_request_id());
  request->clear_request_id();
  std::string fingerprint = Fingerprint(method, *request);
  request->set_request_id(std::move(id));
  return fingerprint;
}

}  // namespace coordhub::core
