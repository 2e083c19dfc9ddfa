// When a call is to end, on the clock that the hub measures with.

#pragma once

#include <grpcpp/server_context.h>

#include "agent/base/clock.h"

namespace coordhub::rpc {

// A client's deadline comes as a span and gRPC keeps it as monotonic time; the time that
// ServerContext::deadline() makes of it is one of the wall clock, and moves with that.
// InfiniteFuture: it set none. `clock`: of the hub. Any thread.
base::MonoTime DeadlineOf(const grpc::ServerContextBase& context, const base::Clock& clock);

}  // namespace coordhub::rpc
