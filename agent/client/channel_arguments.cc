#include "agent/client/channel_arguments.h"

#include "grpc/impl/codegen/grpc_types.h"

namespace coordhub::agent {
namespace {

// Answers stay below 4 MiB by contract; the rest is headroom for a newer hub.
constexpr int kMaxReceiveBytes = 16 << 20;

// Over a network a hub that is gone without a farewell is noticed within 30 s.
constexpr int kNetworkPingMs = 20'000;
constexpr int kNetworkPingTimeoutMs = 10'000;
// On this machine the kernel tells the end of a process. What is left to find out is a hub that
// stands still, by who only watches; pings of a thousand idle agents every 20 s would wake the hub
// 50 times a second.
constexpr int kLocalPingMs = 60'000;
constexpr int kLocalPingTimeoutMs = 20'000;

bool IsLocal(const std::string& endpoint) { return endpoint.compare(0, 5, "unix:") == 0; }

void PingEvery(int ms, int timeout_ms, grpc::ChannelArguments* args) {
  args->SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, ms);
  args->SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, timeout_ms);
  args->SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  // By default gRPC stops its pings after two without data.
  args->SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
}

}  // namespace

grpc::ChannelArguments ChannelArgumentsFor(const std::string& endpoint, ChannelUse use) {
  const bool local = IsLocal(endpoint);
  grpc::ChannelArguments args;
  if (!local) {
    PingEvery(kNetworkPingMs, kNetworkPingTimeoutMs, &args);
  } else if (use == ChannelUse::kWatches) {
    PingEvery(kLocalPingMs, kLocalPingTimeoutMs, &args);
  }
  // gRPC pings back after what it receives, to find out how large a window the way calls for. To a
  // socket of this machine there is none to be found; and a thousand idle agents that answer each
  // beat and bookmark so keep the hub awake.
  if (local) args.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  // A restarted hub is found at once. An attempt on a local socket costs next to nothing.
  args.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  args.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, local ? 250 : 1'000);
  // In spite of its name: how long one attempt to connect may take.
  args.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 5'000);
  // Retrying is Connection's: gRPC knows nothing of request ids.
  args.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  // The hub is near; a proxy that the environment names for the web cannot reach it.
  args.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  args.SetMaxReceiveMessageSize(kMaxReceiveBytes);
  // Channels with equal arguments share one connection; these are to have one each.
  args.SetString("coordhub.channel", use == ChannelUse::kCalls ? "calls" : "watches");
  args.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return args;
}

}  // namespace coordhub::agent
