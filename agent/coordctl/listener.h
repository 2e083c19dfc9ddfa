// Whether anybody listens at a local socket, asked before gRPC is, which would try for long.

#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace coordhub::coordctl {

// Returns as soon as somebody has a socket at `target` ("unix:/path"), and also when that cannot be
// told (a socket that is not ours to open): the call itself will tell. Makes no connection. Blocks
// up to `patience`, looking every 20 ms. Thread-safe.
//
// Errors:
//   UNAVAILABLE/HUB_UNREACHABLE  the socket does not exist, or nobody listens there. Metadata:
//                                `endpoint`.
absl::Status AwaitListener(const std::string& target, absl::Duration patience);

}  // namespace coordhub::coordctl
