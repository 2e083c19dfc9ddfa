// A call's outcome as gRPC gives it, turned into ours: the one place that does it.

#pragma once

#include <string>

#include "absl/status/status.h"
#include "grpcpp/support/status.h"

namespace coordhub::agent {

// The hub's errors keep their ErrorInfo. Errors that gRPC itself makes when there is no hub, or
// when the connection breaks, become UNAVAILABLE/HUB_UNREACHABLE with the `endpoint` in them, under
// whatever code gRPC reports them. `cancelled_by_us`: a CANCELLED is our own doing and stays one.
absl::Status FromGrpc(const grpc::Status& status, const std::string& endpoint,
                      bool cancelled_by_us);

}  // namespace coordhub::agent
