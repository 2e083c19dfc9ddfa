// What every server of ours asks of gRPC.

#pragma once

#include "grpcpp/server_builder.h"
#include "hub/rpc/gate.h"

namespace coordhub::rpc {

// Sets the arguments of server_arguments.cc, with the reasons there. Any thread.
void SetServerArguments(Gate::Transport transport, grpc::ServerBuilder* builder);

}  // namespace coordhub::rpc
