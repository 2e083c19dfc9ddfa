// ConvergenceService: rounds over the wire, and waiting for them.
#include <chrono>
#include <future>
#include <string>
#include <vector>

#include "coordhub/v1/convergence_service.grpc.pb.h"
#include "gmock/gmock.h"
#include "hub/core/proto_time.h"
#include "tests/rpc/services_fixture.h"

namespace coordhub::rpc {
namespace {

using ::testing::ElementsAre;

class RoundsTest : public ServicesTest {
 protected:
  using Convergence = pb::ConvergenceService::Stub;

  void SetUp() override {
    pb::RegisterAgentRequest request;
    request.set_agent_id("ada");
    request.set_branch("task-a");
    agent_.set_session(Ok(operator_, &Agents::RegisterAgent, request).session_token());
    hub_.Observe("main", '0');
    hub_.Observe("task-a", 'a');
    hub_.Observe("task-b", 'b');
    hub_.CompareAll();
  }

  pb::Round Open(std::vector<std::string> branches = {"task-a", "task-b"},
                 const std::string& target = "main") {
    pb::OpenRoundRequest request;
    request.set_target(target);
    for (const std::string& branch : branches) request.add_member_branches(branch);
    return Ok(operator_, &Convergence::OpenRound, request).round();
  }
  static pb::GetRoundRequest Asking(const std::string& id, int64_t after, int seconds) {
    pb::GetRoundRequest request;
    request.set_round_id(id);
    request.set_after_revision(after);
    request.mutable_wait()->set_seconds(seconds);
    return request;
  }
  // Asks on a thread of its own.
  std::future<pb::GetRoundResponse> Await(const pb::GetRoundRequest& request) {
    return Await(agent_, request);
  }
  static std::future<pb::GetRoundResponse> Await(const Client& caller,
                                                 const pb::GetRoundRequest& request) {
    return std::async(std::launch::async,
                      [&caller, request] { return Ok(caller, &Convergence::GetRound, request); });
  }
};

TEST_F(RoundsTest, ARoundGoesFromOpenToReadyAndIsCancelled) {
  const pb::Round opened = Open();
  EXPECT_EQ(opened.round_id(), "C-1");
  EXPECT_EQ(opened.state(), pb::Round::STATE_OPEN);
  ASSERT_EQ(opened.blockers_size(), 1);
  EXPECT_EQ(opened.blockers(0).kind(), pb::RoundBlocker::KIND_NOT_READY);
  EXPECT_EQ(opened.blockers(0).agent_id(), "ada");

  const auto ready = Ok(agent_, &Convergence::DeclareReady, pb::DeclareReadyRequest());
  EXPECT_EQ(ready.round().state(), pb::Round::STATE_READY);
  EXPECT_EQ(ready.revision(), ready.round().mod_revision());
  const auto withdrawn = Ok(agent_, &Convergence::WithdrawReady, pb::WithdrawReadyRequest());
  EXPECT_EQ(withdrawn.round().state(), pb::Round::STATE_OPEN);

  pb::CancelRoundRequest cancel;
  cancel.set_reason("next week");
  EXPECT_EQ(Ok(operator_, &Convergence::CancelRound, cancel).round().state(),
            pb::Round::STATE_CANCELLED);
  pb::GetRoundResponse none;
  EXPECT_EQ(ReasonOf(operator_.Call(&Convergence::GetRound, pb::GetRoundRequest(), &none)),
            pb::ERROR_REASON_ROUND_NOT_FOUND);
  EXPECT_EQ(Ok(operator_, &Convergence::GetRound, Asking("C-1", 0, 0)).round().reason(),
            "next week");
}

TEST_F(RoundsTest, ARepeatedDeclarationIsOne) {
  Open();
  pb::DeclareReadyRequest request;
  request.set_request_id("ready-1");
  const auto first = Ok(agent_, &Convergence::DeclareReady, request);
  const auto again = Ok(agent_, &Convergence::DeclareReady, request);
  EXPECT_EQ(again.SerializeAsString(), first.SerializeAsString());
}

TEST_F(RoundsTest, APollWaitsForTheNextChangeOfItsRound) {
  const pb::Round opened = Open();
  hub_.Observe("task-c", 'c');
  Open({"task-c"}, "release");
  auto polled = Await(Asking("C-1", opened.mod_revision(), 3600));
  // Neither another commit nor another round's change is one of its own.
  operator_.Create("work");
  hub_.Observe("release", '9');
  EXPECT_EQ(polled.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  const auto ready = Ok(agent_, &Convergence::DeclareReady, pb::DeclareReadyRequest());
  EXPECT_EQ(polled.get().round().SerializeAsString(), ready.round().SerializeAsString());
}

TEST_F(RoundsTest, APollThatSeesNewsDoesNotWait) {
  Open();
  const auto polled = Ok(agent_, &Convergence::GetRound, Asking("", 1, 3600));
  EXPECT_EQ(polled.round().round_id(), "C-1");
}

TEST_F(RoundsTest, APollEndsWithItsWait) {
  // Nobody's session is in it or asks: time may pass before the call is there, and end it.
  const pb::Round opened = Open({"task-b"});
  auto polled = Await(operator_, Asking("C-1", opened.mod_revision(), 30));
  while (polled.wait_for(std::chrono::seconds(0)) == std::future_status::timeout) {
    hub_.Age(absl::Milliseconds(500));
  }
  EXPECT_EQ(polled.get().round().mod_revision(), opened.mod_revision());
}

TEST_F(RoundsTest, APollWaitsForARoundToBeOpened) {
  auto polled = Await(Asking("", 0, 3600));
  Open();
  EXPECT_EQ(polled.get().round().round_id(), "C-1");
}

TEST_F(RoundsTest, WhoFollowedARoundIsToldHowItEnded) {
  const pb::Round opened = Open();
  auto polled = Await(Asking("", opened.mod_revision(), 3600));
  Ok(operator_, &Convergence::CancelRound, pb::CancelRoundRequest());
  EXPECT_EQ(polled.get().round().state(), pb::Round::STATE_CANCELLED);
}

TEST_F(RoundsTest, ADrainEndsAPoll) {
  const pb::Round opened = Open();
  auto refused = std::async(std::launch::async, [&] {
    pb::GetRoundResponse response;
    return ReasonOf(
        agent_.Call(&Convergence::GetRound, Asking("C-1", opened.mod_revision(), 3600), &response));
  });
  Ok(operator_, &Hub::DrainHub, pb::DrainHubRequest());
  EXPECT_EQ(refused.get(), pb::ERROR_REASON_HUB_DRAINING);
}

TEST_F(RoundsTest, RoundsAreListedNewestFirstInPages) {
  for (int i = 0; i < 11; ++i) {
    Open();
    Ok(operator_, &Convergence::CancelRound, pb::CancelRoundRequest());
  }
  pb::ListRoundsRequest request;
  request.set_page_size(6);
  const auto first = Ok(agent_, &Convergence::ListRounds, request);
  ASSERT_EQ(first.rounds_size(), 6);
  EXPECT_EQ(first.rounds(0).round_id(), "C-11");
  EXPECT_EQ(first.rounds(2).round_id(), "C-9");
  Open();
  request.set_page_token(first.next_page_token());
  const auto second = Ok(agent_, &Convergence::ListRounds, request);
  ASSERT_EQ(second.rounds_size(), 5);
  EXPECT_EQ(second.rounds(4).round_id(), "C-1");
  EXPECT_EQ(second.revision(), first.revision());
  EXPECT_EQ(second.next_page_token(), "");
}

}  // namespace
}  // namespace coordhub::rpc
