// The two streams of GrpcTransport. Internal to the client library.

#pragma once

#include <memory>

#include "agent/client/grpc_transport.h"

namespace coordhub::agent {

// Puts the caller's tokens into a call's metadata.
void AddCredentials(const Credentials& credentials, grpc::ClientContext* context);

std::unique_ptr<EventStream> MakeGrpcEventStream(
    std::shared_ptr<const GrpcTransport::Channels> channels,
    std::shared_ptr<GrpcTransport::CallRegistry> calls, const pb::WatchEventsRequest& request,
    const Credentials& credentials);

std::unique_ptr<KeepAliveStream> MakeGrpcKeepAliveStream(
    std::shared_ptr<const GrpcTransport::Channels> channels,
    std::shared_ptr<GrpcTransport::CallRegistry> calls, const Credentials& credentials,
    KeepAliveStream::Listener* listener);

}  // namespace coordhub::agent
