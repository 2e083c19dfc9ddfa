// Repeated requests, and requests that race.
#include <atomic>
#include <barrier>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/rpc/services_fixture.h"

namespace coordhub::rpc {
namespace {

using RepeatTest = ServicesTest;

TEST_F(RepeatTest, ARepeatedRequestIsOneAndGetsTheSameAnswer) {
  constexpr int kRepeats = 16;
  pb::CreateTicketRequest request;
  request.set_request_id("once");
  request.mutable_spec()->set_title("only one");
  std::vector<std::thread> threads;
  std::vector<std::string> answers(kRepeats);
  for (int i = 0; i < kRepeats; ++i) {
    threads.emplace_back([&, i] {
      answers[static_cast<size_t>(i)] =
          Ok(i % 2 == 0 ? operator_ : hub_.OperatorOnTcp(), &Tickets::CreateTicket, request)
              .SerializeAsString();
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& answer : answers) EXPECT_EQ(answer, answers[0]);
  EXPECT_EQ(Ok(operator_, &Tickets::ListTickets, pb::ListTicketsRequest()).tickets_size(), 1);

  request.mutable_spec()->set_title("another");
  pb::CreateTicketResponse response;
  const grpc::Status status = operator_.Call(&Tickets::CreateTicket, request, &response);
  EXPECT_EQ(ReasonOf(status), pb::ERROR_REASON_REQUEST_ID_REUSED);
  EXPECT_EQ(MetadataOf(status, "request_id"), "once");
  // Another actor's ids are its own.
  EXPECT_EQ(Ok(agent_, &Tickets::CreateTicket, request).ticket().ticket_id(), "T-2");
}

TEST_F(RepeatTest, RepeatedRegistrationsGiveOneToken) {
  pb::RegisterAgentRequest request;
  request.set_request_id("r");
  request.set_agent_id("conversation-9");
  const auto first = Ok(operator_, &Agents::RegisterAgent, request);
  const auto second = Ok(operator_, &Agents::RegisterAgent, request);
  EXPECT_EQ(first.session_token(), second.session_token());
  EXPECT_EQ(first.revision(), second.revision());
}

TEST_F(RepeatTest, TheRequestThatEndedASessionMayBeRepeated) {
  pb::DeregisterAgentRequest request;
  request.set_request_id("bye");
  const auto first = Ok(agent_, &Agents::DeregisterAgent, request);
  const auto second = Ok(agent_, &Agents::DeregisterAgent, request);
  EXPECT_EQ(first.SerializeAsString(), second.SerializeAsString());
}

TEST_F(RepeatTest, RepeatedWaitsAreOne) {
  pb::ClaimNextTicketRequest request;
  request.set_request_id("wait");
  request.mutable_wait()->set_seconds(600);
  std::vector<std::thread> threads;
  std::vector<std::string> answers(5);
  for (size_t i = 0; i < answers.size(); ++i) {
    threads.emplace_back([&, i] {
      answers[i] = Ok(agent_, &Tickets::ClaimNextTicket, request).SerializeAsString();
    });
  }
  operator_.Create("one");
  operator_.Create("two");
  for (std::thread& thread : threads) thread.join();
  for (const std::string& answer : answers) EXPECT_EQ(answer, answers[0]);
  EXPECT_EQ(Ok(agent_, &Agents::GetAgent, pb::GetAgentRequest()).claims_size(), 1);
}

// Who claims at the same moment as all others.
class Racer {
 public:
  Racer(const TestHub& hub, int number) : client_(hub.OnSocket()) {
    client_.Register(absl::StrCat("racer-", number));
  }
  bool Claim(const std::string& ticket_id) const {
    pb::ClaimTicketRequest request;
    request.set_ticket_id(ticket_id);
    pb::ClaimTicketResponse response;
    const grpc::Status status =
        client_.Call(&pb::TicketService::Stub::ClaimTicket, request, &response);
    if (status.ok()) return true;
    EXPECT_EQ(ReasonOf(status), pb::ERROR_REASON_TICKET_CLAIMED) << FromGrpc(status);
    EXPECT_FALSE(MetadataOf(status, "holder").empty());
    return false;
  }

 private:
  Client client_;
};

TEST_F(RepeatTest, OneTicketHasOneWinner) {
  constexpr int kRacers = 64;
  constexpr int kRounds = 1'000;
  std::string prize;
  std::atomic<int> winners{0};
  // Before each round, and after it.
  std::barrier line(kRacers + 1);
  std::vector<std::thread> threads;
  for (int i = 0; i < kRacers; ++i) {
    threads.emplace_back([&, i] {
      const Racer racer(hub_, i);
      for (int round = 0; round < kRounds; ++round) {
        line.arrive_and_wait();
        if (racer.Claim(prize)) ++winners;
        line.arrive_and_wait();
      }
    });
  }
  for (int round = 0; round < kRounds; ++round) {
    prize = operator_.Create("prize").ticket_id();
    winners = 0;
    line.arrive_and_wait();
    line.arrive_and_wait();
    EXPECT_EQ(winners, 1) << "round " << round;
    pb::CancelTicketRequest cancel;
    cancel.set_ticket_id(prize);
    Ok(operator_, &Tickets::CancelTicket, cancel);
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace coordhub::rpc
