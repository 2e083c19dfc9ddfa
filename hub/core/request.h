// Whether two requests under one request_id say the same.

#pragma once

#include <string>
#include <string_view>

#include "google/protobuf/message.h"

namespace coordhub::core {

// SHA-256 (raw, 32 bytes) over the method's name and the message, the same on every machine for the
// same content. Pure; any thread.
std::string Fingerprint(std::string_view method, const google::protobuf::Message& message);

// The fingerprint of what a request means, which is what repeats compare: without its request_id,
// without the workspace (whose state remembers it), without how long it may wait; a default that is
// named is as one that is not, and lists whose order means nothing are sorted. `method` is the
// RPC's name: `CreateTicket`. Pure; any thread.
std::string RequestFingerprint(std::string_view method, const google::protobuf::Message& request);

}  // namespace coordhub::core
