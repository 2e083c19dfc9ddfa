// How a connection is kept on which nothing happens. It takes as long as several pings.
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/rpc/streams.h"

namespace coordhub::rpc {
namespace {

// By default a server ends the connection of one that pings so often with the fourth of them, "too
// many pings".
constexpr int kPingEveryMs = 6'000;
constexpr int kSeveralPingsSeconds = 32;

// How an idle watch of a client that pings ends, to which the client gives as long.
grpc::Status EndOfIdleWatch(const TestHub& hub, const std::string& target) {
  grpc::ChannelArguments args;
  args.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kPingEveryMs);
  args.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kPingEveryMs);
  args.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  args.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  Client pinging(target, args);
  pinging.set_operator(hub.operator_token());
  const std::unique_ptr<grpc::ClientContext> context = pinging.Context();
  context->set_deadline(gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                                     gpr_time_from_seconds(kSeveralPingsSeconds, GPR_TIMESPAN)));
  pb::EventService::Stub stub(pinging.channel());
  const auto reader = stub.WatchEvents(context.get(), WatchAfter(0));
  pb::WatchEventsResponse response;
  EXPECT_TRUE(reader->Read(&response) && response.has_opened());
  EXPECT_FALSE(reader->Read(&response)) << "it was to be idle";
  return reader->Finish();
}

TEST(KeepalivePingsTest, AnIdleWatchThatPingsEverySixSecondsIsLeftAlone) {
  const TestHub hub;
  std::vector<std::thread> watches;
  for (const std::string& target : {hub.socket_target(), hub.tcp_target()}) {
    watches.emplace_back([&hub, target] {
      const grpc::Status status = EndOfIdleWatch(hub, target);
      EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED)
          << target << ": " << FromGrpc(status);
    });
  }
  for (std::thread& watch : watches) watch.join();
}

}  // namespace
}  // namespace coordhub::rpc
