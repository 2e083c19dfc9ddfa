// How the server stops; and the two services beside ours.
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "agent/base/clock.h"
#include "gtest/gtest.h"
#include "tests/rpc/raw_stream.h"
#include "tests/rpc/services_fixture.h"
#include "tests/rpc/streams.h"

namespace coordhub::rpc {
namespace {

using ShutdownTest = ServicesTest;

// Waits in the hub for as long as the call may take.
grpc::Status WaitForWork(const Client& client, absl::Duration call_timeout) {
  const std::unique_ptr<grpc::ClientContext> context = client.Context();
  context->set_deadline(absl::ToChronoTime(absl::Now() + call_timeout));
  pb::ClaimNextTicketRequest request;
  request.mutable_wait()->set_seconds(600);
  pb::ClaimNextTicketResponse response;
  return pb::TicketService::Stub(client.channel())
      .ClaimNextTicket(context.get(), request, &response);
}

TEST_F(ShutdownTest, HealthKnowsTheHubAndEachService) {
  for (const std::string& service :
       {std::string(), std::string("coordhub.v1.AgentService"),
        std::string("coordhub.v1.TicketService"), std::string("coordhub.v1.EventService"),
        std::string("coordhub.v1.HubService"), std::string("coordhub.v1.MessageService")}) {
    // That the hub runs is open to all who may connect; the rest wants a token over TCP.
    for (const Client& client :
         {hub_.OnSocket(), service.empty() ? hub_.OnTcp() : hub_.OperatorOnTcp()}) {
      RawStream health(client, "/grpc.health.v1.Health/Check");
      health.Send(HealthRequest(service));
      EXPECT_EQ(health.Next(), kServing) << service;
    }
  }
}

TEST_F(ShutdownTest, ReflectionListsAndDescribesTheContract) {
  RawStream reflection(hub_.OnSocket(),
                       "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo");
  reflection.Send(std::string("\x3a\x01*", 3));  // list_services
  const std::string services = reflection.Next();
  for (const char* name :
       {"coordhub.v1.AgentService", "coordhub.v1.TicketService", "coordhub.v1.EventService",
        "coordhub.v1.HubService", "coordhub.v1.ReservationService", "coordhub.v1.MessageService",
        "coordhub.v1.ConvergenceService", "coordhub.v1.RepositoryService",
        "coordhub.v1.OperationService", "grpc.health.v1.Health"}) {
    EXPECT_TRUE(absl::StrContains(services, name)) << name;
  }
  const std::string symbol = "coordhub.v1.TicketService.ClaimNextTicket";
  reflection.Send(std::string("\x22") + static_cast<char>(symbol.size()) + symbol);
  EXPECT_TRUE(absl::StrContains(reflection.Next(), "coordhub/v1/ticket_service.proto"));
}

TEST(ShutdownOfOneWaiterTest, EverythingIsToldAndEnds) {
  TestHub hub(HubSpec{.waiters_capacity = 1});
  const Client orchestrator = hub.OnSocket();
  Client agent = hub.OnSocket();
  agent.Register("conversation-1");
  agent.Claim(orchestrator.Create("work").ticket_id());
  RawStream health(orchestrator, "/grpc.health.v1.Health/Watch");
  health.Send("");
  EXPECT_EQ(health.Next(), kServing);
  KeepAlive keep_alive(agent);
  keep_alive.Beat(1);
  std::thread waiting([&] {
    grpc::Status status;
    do status = WaitForWork(agent, absl::Minutes(1));
    while (ReasonOf(status) == pb::ERROR_REASON_OVERLOADED);  // by the probe below
    EXPECT_EQ(ReasonOf(status), pb::ERROR_REASON_HUB_DRAINING);
  });
  // There is room for one who waits, so it waits once another one is refused.
  Client probe = hub.OnSocket();
  probe.Register("probe");
  while (ReasonOf(WaitForWork(probe, absl::Milliseconds(50))) != pb::ERROR_REASON_OVERLOADED) {
  }

  Watch watch(orchestrator, WatchAfter(0));
  watch.ReadTo(orchestrator.GetHub().workspace().head_revision());

  // Nothing of it takes time, also with one who watches the hub's health until the very end.
  std::thread stopping([&] { hub.server().Shutdown(absl::Hours(1)); });
  EXPECT_EQ(health.Next(), kNotServing);
  const auto farewell = watch.Next();
  ASSERT_TRUE(farewell.has_value());
  EXPECT_TRUE(farewell->has_closing());
  EXPECT_EQ(ReasonOf(watch.Finish()), pb::ERROR_REASON_HUB_DRAINING);
  EXPECT_TRUE(keep_alive.Next()->hub_draining());
  EXPECT_EQ(ReasonOf(keep_alive.Finish()), pb::ERROR_REASON_HUB_DRAINING);
  waiting.join();
  stopping.join();
  hub.server().Shutdown(absl::Seconds(30));  // again: nothing left to do
}

TEST_F(ShutdownTest, AStreamThatNobodyReadsDoesNotHoldItForLongerThanTheGrace) {
  grpc::ChannelArguments args;
  args.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  const Client narrow(hub_.socket_target(), args);
  Watch stuck(narrow, WatchAfter(0));
  pb::AddCommentRequest comment;
  comment.set_ticket_id(operator_.Create("talk").ticket_id());
  comment.set_text(std::string(60'000, 'x'));
  for (int i = 0; i < 150; ++i) Ok(operator_, &Tickets::AddComment, comment);

  const base::SystemClock clock;
  const base::MonoTime start = clock.Mono();
  hub_.server().Shutdown(absl::Milliseconds(500));
  EXPECT_LT(clock.Mono() - start, absl::Seconds(30));
}

TEST_F(ShutdownTest, ReadsThatGoOnAndOnDoNotHoldItUp) {
  std::atomic<int> reads{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this, &reads] {
      const Client client = hub_.OnSocket();
      pb::GetHubResponse response;
      while (client.Call(&Hub::GetHub, pb::GetHubRequest(), &response).ok()) ++reads;
    });
  }
  while (reads < 100) std::this_thread::yield();
  hub_.server().Shutdown(absl::Hours(1));  // would be used up
  for (std::thread& thread : threads) thread.join();
}

TEST_F(ShutdownTest, SessionsAndTicketsOutliveTheServer) {
  hub_.server().Shutdown(absl::ZeroDuration());
  EXPECT_TRUE(hub_.workspace().SessionTimeLeft("conversation-1").has_value());
  pb::GetHubResponse response;
  EXPECT_EQ(operator_.Call(&Hub::GetHub, pb::GetHubRequest(), &response).error_code(),
            grpc::StatusCode::UNAVAILABLE);
}

TEST_F(ShutdownTest, StoppingAmidTrafficAnswersOrCutsEveryCall) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([this, i] {
      const Client client = i % 2 == 0 ? hub_.OnSocket() : hub_.OperatorOnTcp();
      pb::CreateTicketRequest request;
      request.mutable_spec()->set_title("t");
      pb::CreateTicketResponse response;
      grpc::Status status;
      while (status.ok()) status = client.Call(&Tickets::CreateTicket, request, &response);
      // Refused by us, or cut off by gRPC, which says CANCELLED to a call that comes while it
      // stops.
      EXPECT_TRUE(status.error_code() == grpc::StatusCode::UNAVAILABLE ||
                  status.error_code() == grpc::StatusCode::CANCELLED)
          << FromGrpc(status);
    });
  }
  Watch watch(operator_, WatchAfter(0));
  watch.ReadTo(200);
  hub_.server().Shutdown(absl::Seconds(10));
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace coordhub::rpc
