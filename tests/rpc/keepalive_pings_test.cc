// What the server's arguments are for, in real time: only in the long run.
#include <string>
#include <vector>

#include "agent/base/mutex.h"
#include "gtest/gtest.h"
#include "tests/rpc/streams.h"

namespace coordhub::rpc {
namespace {

// By default a server ends the connection of one that pings so often, "too many pings".
constexpr int kPingEveryMs = 6'000;
constexpr absl::Duration kSeveralPings = absl::Seconds(40);

TEST(KeepalivePingsTest, DISABLED_AnIdleWatchThatPingsEverySixSecondsIsLeftAlone) {
  TestHub hub;
  grpc::ChannelArguments args;
  args.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kPingEveryMs);
  args.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kPingEveryMs);
  args.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  args.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  for (const std::string& target : {hub.socket_target(), hub.tcp_target()}) {
    Client pinging(target, args);
    pinging.set_operator(hub.operator_token());
    Watch idle(pinging, WatchAfter(hub.OnSocket().GetHub().workspace().head_revision()));
    idle.Opened();
    // Nothing is to happen in this time.
    base::Mutex mu;
    base::CondVar never;
    {
      base::MutexLock lock(&mu);
      never.WaitWithTimeout(&mu, kSeveralPings);
    }
    const int64_t revision = hub.OnSocket().Create("after the pings").create_revision();
    idle.ReadTo(revision);
    EXPECT_EQ(idle.revisions(), std::vector<int64_t>{revision}) << target;
  }
}

}  // namespace
}  // namespace coordhub::rpc
