#include "hub/rpc/server_arguments.h"

#include "hub/rpc/message_codec.h"
#include "hub/rpc/paging.h"

namespace coordhub::rpc {
namespace {

// A peer that is frozen or gone is noticed within 40 s (by default: after two hours), so that its
// streams do not stay counted and buffered for. Not over a socket of this machine: its end is told
// by the kernel, who is frozen loses its lease, and pings to a thousand idle agents wake the hub
// 67 times a second.
constexpr int kKeepaliveTimeMs = 30'000;
constexpr int kKeepaliveTimeoutMs = 10'000;
// Whoever pings may ping an idle watch for as long as it lives; by default pings stop after two
// without data, and a dead peer is never noticed.
constexpr int kPingsWithoutData = 0;  // no bound
constexpr int kPingWithoutCalls = 1;
// Clients ping every 20 s over TCP, every 60 s over a socket. The default of 5 min would end their
// connections with "too many pings".
constexpr int kMinPingIntervalMs = 5'000;
constexpr int kPingStrikes = 2;
// One client's share; the server's own bound on streams is ServerOptions::max_streams.
constexpr int kStreamsPerConnection = 1'000;
// Our limit answers with a reason and names itself; gRPC's only bounds what is read to find that
// out.
constexpr int kReceiveBytes = 2 * static_cast<int>(kMaxRequestBytes);
// Answers are at most a page, or one record more, below the 4 MiB that other clients' gRPC reads by
// default; and a single event of many records gets through.
constexpr int kSendBytes = 16 << 20;
static_assert(kMaxBytesPerPage + (1 << 20) <= 4 << 20);
// Two tokens and what proxies add. (By default 8 KiB.)
constexpr int kMetadataBytes = 16 << 10;
// Who connects and says nothing is dropped after this. (By default: two minutes.)
constexpr int kHandshakeTimeoutMs = 10'000;
// A second hub on the port fails, rather than take half of the calls.
constexpr int kNoPortSharing = 0;
// Requests are small, and the peer is near: a window of 64 KiB is enough, and to measure which one
// would be better, gRPC pings back after what it receives, be it a beat of an idle agent.
constexpr int kNoBandwidthProbes = 0;

// A bit for each algorithm; that for none.
constexpr int kNoCompression = 1 << GRPC_COMPRESS_NONE;

}  // namespace

void SetServerArguments(Gate::Transport transport, grpc::ServerBuilder* builder) {
  if (transport == Gate::Transport::kTcp) {
    builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveTimeMs);
  }
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, kPingsWithoutData);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, kPingWithoutCalls);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                              kMinPingIntervalMs);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, kPingStrikes);
  builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kStreamsPerConnection);
  builder->SetMaxReceiveMessageSize(kReceiveBytes);
  builder->SetMaxSendMessageSize(kSendBytes);
  builder->AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMetadataBytes);
  builder->AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, kHandshakeTimeoutMs);
  builder->AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, kNoPortSharing);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, kNoBandwidthProbes);
  // What was compressed is refused (UNIMPLEMENTED), and nothing is ever taken apart: a megabyte can
  // hold a gigabyte. Our clients do not compress.
  builder->AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
  builder->AddChannelArgument(GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET, kNoCompression);
}

}  // namespace coordhub::rpc
