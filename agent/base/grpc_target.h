#pragma once

#include <string>

namespace coordhub::base {

// An endpoint (`unix:/path`, `host:port`) as the target that gRPC listens or connects to. gRPC
// reads a URI, in which `%`, `#` and `?` have a meaning; a path may well contain them. Any thread.
std::string GrpcTargetOf(const std::string& endpoint);

}  // namespace coordhub::base
