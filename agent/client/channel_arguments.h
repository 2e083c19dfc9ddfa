// How the client's connections behave. Includes gRPC: only for what talks to it.

#pragma once

#include <string>

#include "grpcpp/support/channel_arguments.h"

namespace coordhub::agent {

// What goes over a connection; each kind has one of its own.
enum class ChannelUse {
  kCalls,    // unary calls, which have deadlines, and KeepAlive, whose beats are answered in time
  kWatches,  // streams on which nothing may come for long
};

// For a channel to `endpoint` ("unix:…", or host and port).
grpc::ChannelArguments ChannelArgumentsFor(const std::string& endpoint, ChannelUse use);

}  // namespace coordhub::agent
