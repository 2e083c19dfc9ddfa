#include "agent/client/channel_arguments.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>

namespace coordhub::agent {
namespace {

constexpr char kSocket[] = "unix:/repo/.git/coordhub/hub.sock";
constexpr char kNetwork[] = "127.0.0.1:7400";

std::optional<int> IntOf(const grpc::ChannelArguments& arguments, std::string_view key) {
  const grpc_channel_args all = arguments.c_channel_args();
  for (size_t i = 0; i < all.num_args; ++i) {
    if (all.args[i].key == key) return all.args[i].value.integer;
  }
  return std::nullopt;
}

std::string KindOf(const grpc::ChannelArguments& arguments) {
  const grpc_channel_args all = arguments.c_channel_args();
  for (size_t i = 0; i < all.num_args; ++i) {
    if (all.args[i].key == std::string_view("coordhub.channel")) return all.args[i].value.string;
  }
  return "";
}

// Milliseconds between pings on a connection on which nothing moves; nothing: none are sent.
std::optional<int> PingsOf(const std::string& endpoint, ChannelUse use) {
  const grpc::ChannelArguments arguments = ChannelArgumentsFor(endpoint, use);
  const std::optional<int> every = IntOf(arguments, GRPC_ARG_KEEPALIVE_TIME_MS);
  if (every.has_value()) {
    EXPECT_EQ(IntOf(arguments, GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS), 1);
    EXPECT_EQ(IntOf(arguments, GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA), 0);
  }
  return every;
}

TEST(ChannelArguments, ASilentPeerIsPingedWhereNothingElseTellsThatItIsGone) {
  EXPECT_EQ(PingsOf(kNetwork, ChannelUse::kCalls), 20'000);
  EXPECT_EQ(PingsOf(kNetwork, ChannelUse::kWatches), 20'000);
  EXPECT_EQ(PingsOf(kSocket, ChannelUse::kWatches), 60'000) << "a hub that stands still";
  EXPECT_EQ(PingsOf(kSocket, ChannelUse::kCalls), std::nullopt) << "deadlines and beats tell";
}

// By default the server would end a connection that pings more often.
TEST(ChannelArguments, PingsComeNoMoreOftenThanTheHubBears) {
  for (const ChannelUse use : {ChannelUse::kCalls, ChannelUse::kWatches}) {
    for (const char* endpoint : {kSocket, kNetwork}) {
      EXPECT_GE(PingsOf(endpoint, use).value_or(60'000), 5'000);
    }
  }
}

// Channels of equal arguments share a connection.
TEST(ChannelArguments, CallsAndWatchesHaveConnectionsOfTheirOwn) {
  const std::string calls = KindOf(ChannelArgumentsFor(kSocket, ChannelUse::kCalls));
  const std::string watches = KindOf(ChannelArgumentsFor(kSocket, ChannelUse::kWatches));
  EXPECT_NE(calls, "");
  EXPECT_NE(watches, "");
  EXPECT_NE(calls, watches);
}

}  // namespace
}  // namespace coordhub::agent
