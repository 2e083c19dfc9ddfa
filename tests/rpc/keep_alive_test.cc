// Keep-alive streams: liveness, answers, and what an agent is told unasked.
#include <string>
#include <thread>

#include "gtest/gtest.h"
#include "tests/rpc/services_fixture.h"
#include "tests/rpc/streams.h"

namespace coordhub::rpc {
namespace {

using KeepAliveTest = ServicesTest;

TEST_F(KeepAliveTest, EachMessageIsAnsweredWithTheClaims) {
  const pb::Ticket ticket = agent_.Claim(operator_.Create("work").ticket_id());
  KeepAlive stream(agent_);
  const pb::KeepAliveResponse first = stream.Beat(7);
  EXPECT_EQ(first.ttl().seconds(), 60);
  ASSERT_EQ(first.claims_size(), 1);
  EXPECT_EQ(first.claims(0).ticket_id(), ticket.ticket_id());
  EXPECT_EQ(first.claims(0).fence(), ticket.claim().fence());
  EXPECT_EQ(first.lost_claims_size(), 0);
  EXPECT_FALSE(first.hub_draining());
  EXPECT_EQ(first.revision(), 3);

  agent_.Complete(ticket);
  const pb::KeepAliveResponse second = stream.Beat(8);
  EXPECT_EQ(second.claims_size(), 0);
  EXPECT_EQ(second.lost_claims_size(), 0);  // the agent's own doing
}

TEST_F(KeepAliveTest, KeepsTheSessionAlive) {
  Client brief = hub_.OnSocket();
  brief.Register("conversation-2", absl::Seconds(5));
  KeepAlive stream(brief);
  for (int i = 1; i <= 5; ++i) {
    stream.Beat(i);
    hub_.Age(absl::Seconds(4));
  }
  EXPECT_TRUE(hub_.workspace().SessionTimeLeft("conversation-2").has_value());
}

TEST_F(KeepAliveTest, EndsWithTheSession) {
  Client brief = hub_.OnSocket();
  brief.Register("conversation-2", absl::Seconds(5));
  KeepAlive stream(brief);
  stream.Beat(1);
  hub_.Age(absl::Seconds(7));
  const grpc::Status status = stream.Finish();
  EXPECT_EQ(ReasonOf(status), pb::ERROR_REASON_SESSION_ENDED);
  EXPECT_EQ(MetadataOf(status, "agent_id"), "conversation-2");
}

TEST_F(KeepAliveTest, ALateBeatIsRefused) {
  Client brief = hub_.OnSocket();
  brief.Register("conversation-2", absl::Seconds(5));
  hub_.Age(absl::Seconds(7));
  KeepAlive stream(brief);
  stream.Send(1);
  EXPECT_EQ(ReasonOf(stream.Finish()), pb::ERROR_REASON_SESSION_ENDED);
}

TEST_F(KeepAliveTest, ATakenOverSessionIsToldAtOnce) {
  KeepAlive stream(agent_);
  stream.Beat(1);
  pb::RegisterAgentRequest request;
  request.set_agent_id("conversation-1");
  request.set_takeover(true);
  Ok(operator_, &Agents::RegisterAgent, request);
  const grpc::Status status = stream.Finish();
  EXPECT_EQ(ReasonOf(status), pb::ERROR_REASON_SESSION_ENDED);
  EXPECT_EQ(MetadataOf(status, "agent_id"), "conversation-1");
}

TEST_F(KeepAliveTest, AResumeElsewhereTellsTheNewTtlAtOnce) {
  KeepAlive stream(agent_);
  EXPECT_EQ(stream.Beat(1).ttl().seconds(), 60);
  pb::RegisterAgentRequest request;
  request.set_agent_id("conversation-1");
  request.mutable_ttl()->set_seconds(10);
  Ok(agent_, &Agents::RegisterAgent, request);
  const auto told = stream.Next();
  ASSERT_TRUE(told.has_value());
  EXPECT_EQ(told->ttl().seconds(), 10) << "the next beat would come too late";
  EXPECT_EQ(told->sequence(), 0) << "an answer that nobody asked for";
}

TEST_F(KeepAliveTest, OneThatHasSaidNothingYetEndsWithTheDrain) {
  KeepAlive stream(agent_);
  hub_.workspace().Drain();
  EXPECT_EQ(ReasonOf(stream.Finish()), pb::ERROR_REASON_HUB_DRAINING);
}

TEST_F(KeepAliveTest, ALostClaimIsToldUnasked) {
  const pb::Ticket ticket = agent_.Claim(operator_.Create("work").ticket_id());
  KeepAlive stream(agent_);
  stream.Beat(1);
  pb::ReleaseTicketRequest release;
  release.set_ticket_id(ticket.ticket_id());
  release.set_force(true);
  Ok(operator_, &Tickets::ReleaseTicket, release);
  const auto told = stream.Next();
  ASSERT_TRUE(told.has_value());
  EXPECT_EQ(told->sequence(), 0);
  EXPECT_EQ(told->claims_size(), 0);
  ASSERT_EQ(told->lost_claims_size(), 1);
  const pb::LostClaim& lost = told->lost_claims(0);
  EXPECT_EQ(lost.ticket_id(), ticket.ticket_id());
  EXPECT_EQ(lost.fence(), ticket.claim().fence());
  EXPECT_EQ(lost.current_fence(), ticket.claim().fence());
  EXPECT_EQ(lost.holder_agent_id(), "");
  EXPECT_EQ(lost.reason(), pb::LostClaim::REASON_RELEASED_BY_OPERATOR);
  EXPECT_EQ(stream.Beat(2).lost_claims_size(), 0);  // once
}

TEST_F(KeepAliveTest, ACancelledTicketIsToldAsSuch) {
  const pb::Ticket ticket = agent_.Claim(operator_.Create("work").ticket_id());
  KeepAlive stream(agent_);
  stream.Beat(1);
  pb::CancelTicketRequest cancel;
  cancel.set_ticket_id(ticket.ticket_id());
  Ok(operator_, &Tickets::CancelTicket, cancel);
  const auto told = stream.Next();
  ASSERT_TRUE(told.has_value());
  ASSERT_EQ(told->lost_claims_size(), 1);
  EXPECT_EQ(told->lost_claims(0).reason(), pb::LostClaim::REASON_CANCELLED);
}

TEST_F(KeepAliveTest, AClaimThatTimedOutIsLost) {
  pb::ClaimTicketRequest claim;
  claim.set_ticket_id(operator_.Create("work").ticket_id());
  claim.mutable_claim_timeout()->set_seconds(3);
  Ok(agent_, &Tickets::ClaimTicket, claim);
  KeepAlive stream(agent_);
  EXPECT_TRUE(stream.Beat(1).claims(0).has_expires_in());
  hub_.Age(absl::Seconds(5));
  const auto told = stream.Next();
  ASSERT_TRUE(told.has_value());
  ASSERT_EQ(told->lost_claims_size(), 1);
  EXPECT_EQ(told->lost_claims(0).reason(), pb::LostClaim::REASON_TIMEOUT);
}

// The last attempt that times out buries the ticket, under another kind of event.
TEST_F(KeepAliveTest, ALastAttemptThatTimedOutIsToldAsSuch) {
  pb::CreateTicketRequest create;
  create.mutable_spec()->set_title("work");
  create.mutable_spec()->set_max_attempts(1);
  pb::ClaimTicketRequest claim;
  claim.set_ticket_id(Ok(operator_, &Tickets::CreateTicket, create).ticket().ticket_id());
  claim.mutable_claim_timeout()->set_seconds(3);
  Ok(agent_, &Tickets::ClaimTicket, claim);
  KeepAlive stream(agent_);
  stream.Beat(1);
  hub_.Age(absl::Seconds(5));
  const auto told = stream.Next();
  ASSERT_TRUE(told.has_value());
  ASSERT_EQ(told->lost_claims_size(), 1);
  EXPECT_EQ(told->lost_claims(0).reason(), pb::LostClaim::REASON_TIMEOUT);
}

TEST_F(KeepAliveTest, OwnDeedsAreNoLosses) {
  KeepAlive stream(agent_);
  for (int i = 1; i <= 20; ++i) {
    const pb::Ticket ticket = agent_.Claim(operator_.Create("work").ticket_id());
    if (i % 2 == 0) {
      agent_.Complete(ticket);
    } else {
      pb::FailTicketRequest fail;
      fail.set_ticket_id(ticket.ticket_id());
      fail.set_fence(ticket.claim().fence());
      fail.set_reason("no luck");
      Ok(agent_, &Tickets::FailTicket, fail);
    }
    const pb::KeepAliveResponse answer = stream.Beat(i);
    ASSERT_EQ(answer.lost_claims_size(), 0);
    ASSERT_EQ(answer.claims_size(), 0);
  }
}

TEST_F(KeepAliveTest, OneAgentsLossIsNotAnothers) {
  Client other = hub_.OnSocket();
  other.Register("conversation-2");
  KeepAlive mine(agent_);
  KeepAlive theirs(other);
  mine.Beat(1);
  theirs.Beat(1);
  const pb::Ticket ticket = other.Claim(operator_.Create("work").ticket_id());
  pb::ReleaseTicketRequest release;
  release.set_ticket_id(ticket.ticket_id());
  release.set_force(true);
  Ok(operator_, &Tickets::ReleaseTicket, release);
  EXPECT_EQ(theirs.Next()->lost_claims_size(), 1);
  EXPECT_EQ(mine.Beat(2).lost_claims_size(), 0);
}

// More events at once than the ring holds: what was lost is found in the newest view.
TEST(KeepAliveBehindTest, ALossAmidABurstIsNotMissed) {
  TestHub hub(HubSpec{.ring_events = 8});
  const Client user = hub.OnSocket();
  Client agent = hub.OnSocket();
  agent.Register("conversation-1");
  const std::string ticket_id = user.Create("work").ticket_id();
  for (int round = 0; round < 10; ++round) {
    const pb::Ticket ticket = agent.Claim(ticket_id);
    KeepAlive stream(agent);
    stream.Beat(1);
    std::thread burst([&hub] {
      pb::BatchCreateTicketsRequest batch;
      for (int i = 0; i < 100; ++i) batch.add_tickets()->mutable_spec()->set_title("t");
      pb::BatchCreateTicketsResponse response;
      (void)hub.OnSocket().Call(&pb::TicketService::Stub::BatchCreateTickets, batch, &response);
    });
    pb::ReleaseTicketRequest release;
    release.set_ticket_id(ticket_id);
    release.set_force(true);
    pb::ReleaseTicketResponse response;
    ASSERT_TRUE(user.Call(&pb::TicketService::Stub::ReleaseTicket, release, &response).ok());
    burst.join();
    const auto told = stream.Next();
    ASSERT_TRUE(told.has_value());
    ASSERT_EQ(told->lost_claims_size(), 1);
    EXPECT_EQ(told->lost_claims(0).fence(), ticket.claim().fence());
  }
}

TEST_F(KeepAliveTest, TellsThatTheHubDrains) {
  const pb::Ticket ticket = agent_.Claim(operator_.Create("work").ticket_id());
  KeepAlive stream(agent_);
  stream.Beat(1);
  hub_.workspace().Drain();
  const auto told = stream.Next();
  ASSERT_TRUE(told.has_value());
  EXPECT_TRUE(told->hub_draining());
  EXPECT_EQ(told->claims_size(), 1);  // claims stay
  const grpc::Status status = stream.Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ReasonOf(status), pb::ERROR_REASON_HUB_DRAINING);
}

TEST_F(KeepAliveTest, EndsWellWhenTheAgentClosesIt) {
  KeepAlive stream(agent_);
  stream.Beat(1);
  stream.Send(2);
  stream.Close();
  EXPECT_EQ(stream.Next()->sequence(), 2);
  EXPECT_TRUE(stream.Finish().ok());
}

TEST_F(KeepAliveTest, TheOperatorHasNothingToKeepAlive) {
  KeepAlive stream(operator_);
  stream.Send(1);
  EXPECT_EQ(ReasonOf(stream.Finish()), pb::ERROR_REASON_SESSION_REQUIRED);
}

TEST_F(KeepAliveTest, OnlyTheFirstMessagesWorkspaceCounts) {
  {
    KeepAlive stream(agent_);
    stream.Send(1, "elsewhere");
    EXPECT_EQ(ReasonOf(stream.Finish()), pb::ERROR_REASON_WORKSPACE_NOT_FOUND);
  }
  KeepAlive stream(agent_);
  stream.Beat(1);
  stream.Send(2, "elsewhere");
  EXPECT_EQ(stream.Next()->sequence(), 2);
}

// Who does not read is owed one answer, not one for each message: those that the connection does
// not take become one.
TEST_F(KeepAliveTest, AnswersToManyAtOnceAreBounded) {
  constexpr int kMessages = 10'000;
  constexpr int kClaims = 100;  // each answer tells of all
  for (int i = 0; i < kClaims; ++i) agent_.Claim(operator_.Create("work").ticket_id());
  grpc::ChannelArguments args;
  args.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  args.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 1'024);
  Client narrow(hub_.socket_target(), args);
  narrow.set_session(agent_.session());
  KeepAlive stream(narrow);
  for (int i = 1; i <= kMessages; ++i) ASSERT_TRUE(stream.Send(i));
  int64_t last = 0;
  int answers = 0;
  while (last < kMessages) {
    const auto answer = stream.Next();
    ASSERT_TRUE(answer.has_value());
    ASSERT_GT(answer->sequence(), last);
    ASSERT_EQ(answer->claims_size(), kClaims);
    last = answer->sequence();
    ++answers;
  }
  EXPECT_LT(answers, kMessages / 4);
}

TEST_F(KeepAliveTest, StreamsThatAreOpenedAndCutWhileClaimsComeAndGoLeaveNothingBehind) {
  std::thread worker([this] {
    for (int i = 0; i < 100; ++i) agent_.Complete(agent_.Claim(operator_.Create("w").ticket_id()));
  });
  for (int i = 0; i < 100; ++i) {
    KeepAlive stream(agent_);
    if (i % 3 != 0) stream.Send(i);
    if (i % 3 == 1) (void)stream.Next();
  }
  worker.join();
  KeepAlive after(agent_);
  EXPECT_EQ(after.Beat(1).claims_size(), 0);
  after.Close();
  EXPECT_TRUE(after.Finish().ok());
  // Returns: none of them is left that it would wait for.
  hub_.server().Shutdown(absl::Hours(1));
}

}  // namespace
}  // namespace coordhub::rpc
