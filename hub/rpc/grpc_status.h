// The one place where our errors become gRPC's.

#pragma once

#include "absl/status/status.h"
#include "grpcpp/support/status.h"

namespace coordhub::rpc {

// `status` with its details in the trailers. An error without our ErrorInfo is one that we did not
// foresee: it becomes INTERNAL, and is logged. Any thread.
grpc::Status ToGrpcStatus(const absl::Status& status);

}  // namespace coordhub::rpc
