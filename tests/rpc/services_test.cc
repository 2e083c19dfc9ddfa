// Each method of agents and tickets, with what its answer promises.
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/rpc/services_fixture.h"

namespace coordhub::rpc {
namespace {

using ::testing::ElementsAre;

// ---- agents ----

TEST_F(ServicesTest, RegisteringGivesAnAgentAndATokenOfItsOwn) {
  pb::RegisterAgentRequest request;
  request.set_agent_id("conversation-2");
  request.set_branch("conversation-2");
  request.set_worktree("/repo/2");
  request.set_program("tester");
  request.add_labels("b");
  request.add_labels("a");
  request.add_labels("b");
  request.mutable_ttl()->set_seconds(30);
  const auto response = Ok(operator_, &Agents::RegisterAgent, request);
  EXPECT_EQ(response.agent().agent_id(), "conversation-2");
  EXPECT_EQ(response.agent().state(), pb::Agent::STATE_ACTIVE);
  EXPECT_THAT(response.agent().labels(), ElementsAre("a", "b"));
  EXPECT_EQ(response.agent().fence(), response.revision());
  EXPECT_TRUE(response.agent().has_expire_time());
  EXPECT_FALSE(response.resumed());
  EXPECT_EQ(base::VerifySessionToken(hub_.key(), response.session_token()).value(),
            response.agent().session_uid());
  EXPECT_NE(response.session_token(), agent_.session());
}

TEST_F(ServicesTest, ALiveNameIsTakenAndSaysForHowLong) {
  pb::RegisterAgentRequest request;
  request.set_agent_id("conversation-1");
  pb::RegisterAgentResponse response;
  const grpc::Status status = operator_.Call(&Agents::RegisterAgent, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(ReasonOf(status), pb::ERROR_REASON_AGENT_ACTIVE);
  EXPECT_EQ(MetadataOf(status, "agent_id"), "conversation-1");
  int64_t left_ms = 0;
  ASSERT_TRUE(absl::SimpleAtoi(MetadataOf(status, "expires_in_ms"), &left_ms));
  EXPECT_EQ(left_ms, 60'000);

  const pb::Ticket ticket = agent_.Claim(operator_.Create("work").ticket_id());
  request.set_takeover(true);
  const auto taken = Ok(operator_, &Agents::RegisterAgent, request);
  EXPECT_GT(taken.agent().fence(), ticket.claim().fence());
  EXPECT_EQ(taken.claims_size(), 0);
}

TEST_F(ServicesTest, TheTokenResumesSessionAndClaims) {
  const pb::Ticket ticket = agent_.Claim(operator_.Create("work").ticket_id());
  pb::RegisterAgentRequest request;
  request.set_agent_id("conversation-1");
  const auto same = Ok(agent_, &Agents::RegisterAgent, request);
  EXPECT_TRUE(same.resumed());
  EXPECT_EQ(same.session_token(), agent_.session());
  ASSERT_EQ(same.claims_size(), 1);
  EXPECT_EQ(same.claims(0).ticket_id(), ticket.ticket_id());
  EXPECT_EQ(same.claims(0).fence(), ticket.claim().fence());

  request.set_branch("another");
  const auto changed = Ok(agent_, &Agents::RegisterAgent, request);
  EXPECT_TRUE(changed.resumed());
  EXPECT_EQ(changed.agent().branch(), "another");
  EXPECT_EQ(changed.session_token(), agent_.session());
  EXPECT_EQ(changed.claims_size(), 1);
}

TEST_F(ServicesTest, AnAgentIsReadByItselfAndOthers) {
  const pb::Ticket ticket = agent_.Claim(operator_.Create("work").ticket_id());
  const auto own = Ok(agent_, &Agents::GetAgent, pb::GetAgentRequest());
  EXPECT_EQ(own.agent().agent_id(), "conversation-1");
  EXPECT_THAT(own.agent().claimed_ticket_ids(), ElementsAre(ticket.ticket_id()));
  ASSERT_EQ(own.claims_size(), 1);

  pb::GetAgentRequest named;
  named.set_agent_id("conversation-1");
  EXPECT_EQ(Ok(operator_, &Agents::GetAgent, named).claims_size(), 1);
  Client other = hub_.OnSocket();
  other.Register("conversation-2");
  EXPECT_EQ(Ok(other, &Agents::GetAgent, named).claims_size(),
            0);  // fences are not others' business
  EXPECT_EQ(Ok(other, &Agents::GetAgent, named).agent().claimed_ticket_ids_size(), 1);
}

TEST_F(ServicesTest, DeregisteringGivesClaimsBack) {
  const pb::Ticket ticket = agent_.Claim(operator_.Create("work").ticket_id());
  pb::DeregisterAgentRequest request;
  request.set_reason("done for today");
  const auto response = Ok(agent_, &Agents::DeregisterAgent, request);
  EXPECT_EQ(response.agent().state(), pb::Agent::STATE_LEFT);
  EXPECT_EQ(response.agent().end_reason(), "done for today");
  EXPECT_THAT(response.released_ticket_ids(), ElementsAre(ticket.ticket_id()));
}

// ---- tickets ----

TEST_F(ServicesTest, ATicketsLife) {
  pb::CreateTicketRequest create;
  create.mutable_spec()->set_title("build it");
  create.mutable_spec()->set_body("long words");
  const auto created = Ok(operator_, &Tickets::CreateTicket, create);
  EXPECT_EQ(created.ticket().ticket_id(), "T-1");
  EXPECT_EQ(created.ticket().state(), pb::Ticket::STATE_OPEN);
  EXPECT_EQ(created.revision(), created.ticket().create_revision());

  pb::ClaimTicketRequest claim;
  claim.set_ticket_id("T-1");
  claim.mutable_claim_timeout()->set_seconds(100);
  const auto claimed = Ok(agent_, &Tickets::ClaimTicket, claim);
  EXPECT_EQ(claimed.ticket().claim().agent_id(), "conversation-1");
  EXPECT_EQ(claimed.ticket().claim().fence(), claimed.revision());
  EXPECT_EQ(claimed.body(), "long words");

  hub_.Age(absl::Seconds(10));
  pb::RenewClaimRequest renew;
  renew.set_ticket_id("T-1");
  renew.set_fence(claimed.revision());
  EXPECT_EQ(Ok(agent_, &Tickets::RenewClaim, renew).expires_in().seconds(), 100);

  pb::UpdateProgressRequest progress;
  progress.set_ticket_id("T-1");
  progress.set_fence(claimed.revision());
  progress.set_note("half way");
  progress.set_percent(50);
  EXPECT_EQ(Ok(agent_, &Tickets::UpdateProgress, progress).ticket().progress().percent(), 50);

  pb::AddCommentRequest comment;
  comment.set_ticket_id("T-1");
  comment.set_text("looks good");
  EXPECT_EQ(Ok(operator_, &Tickets::AddComment, comment).comment().number(), 1);

  pb::GetTicketRequest get;
  get.set_ticket_id("T-1");
  const auto got = Ok(operator_, &Tickets::GetTicket, get);
  EXPECT_EQ(got.body(), "long words");
  EXPECT_EQ(got.ticket().progress().note(), "half way");
  ASSERT_EQ(got.comments_size(), 1);
  EXPECT_EQ(got.comments(0).text(), "looks good");

  pb::CompleteTicketRequest complete;
  complete.set_ticket_id("T-1");
  complete.set_fence(claimed.revision());
  complete.set_commit("0123abc");
  complete.set_summary("built");
  const auto completed = Ok(agent_, &Tickets::CompleteTicket, complete);
  EXPECT_EQ(completed.ticket().state(), pb::Ticket::STATE_DONE);
  EXPECT_FALSE(completed.ticket().has_progress());

  pb::ReopenTicketRequest reopen;
  reopen.set_ticket_id("T-1");
  EXPECT_EQ(Ok(operator_, &Tickets::ReopenTicket, reopen).ticket().state(), pb::Ticket::STATE_OPEN);
  pb::CancelTicketRequest cancel;
  cancel.set_ticket_id("T-1");
  EXPECT_EQ(Ok(operator_, &Tickets::CancelTicket, cancel).ticket().state(),
            pb::Ticket::STATE_CANCELLED);
}

TEST_F(ServicesTest, ABatchReferesToItself) {
  pb::BatchCreateTicketsRequest request;
  pb::NewTicket* first = request.add_tickets();
  first->set_local_id("a");
  first->mutable_spec()->set_title("first");
  pb::NewTicket* second = request.add_tickets();
  second->mutable_spec()->set_title("second");
  second->mutable_spec()->add_dependencies()->set_ticket_id("@a");
  const auto response = Ok(operator_, &Tickets::BatchCreateTickets, request);
  ASSERT_EQ(response.tickets_size(), 2);
  EXPECT_EQ(response.tickets(1).state(), pb::Ticket::STATE_BLOCKED);
  ASSERT_EQ(response.tickets(1).blocked_by_size(), 1);
  EXPECT_EQ(response.tickets(1).blocked_by(0).ticket_id(), "T-1");
  EXPECT_EQ(response.revision(), 3);  // the agent's was the first

  const auto done = agent_.Claim("T-1");
  pb::CompleteTicketRequest complete;
  complete.set_ticket_id("T-1");
  complete.set_fence(done.claim().fence());
  EXPECT_THAT(Ok(agent_, &Tickets::CompleteTicket, complete).unblocked_ticket_ids(),
              ElementsAre("T-2"));
}

TEST_F(ServicesTest, AnUpdateChangesWhatTheMaskNames) {
  operator_.Create("old");
  pb::UpdateTicketRequest request;
  request.set_ticket_id("T-1");
  request.mutable_spec()->set_title("new");
  request.mutable_spec()->set_priority(0);
  request.mutable_update_mask()->add_paths("title");
  const auto response = Ok(operator_, &Tickets::UpdateTicket, request);
  EXPECT_EQ(response.ticket().title(), "new");
  EXPECT_EQ(response.ticket().priority(), 2);
  EXPECT_EQ(response.ticket().mod_revision(), response.revision());
}

TEST_F(ServicesTest, ReleaseFailAndForce) {
  operator_.Create("work");
  pb::ReleaseTicketRequest release;
  release.set_ticket_id("T-1");
  release.set_fence(agent_.Claim("T-1").claim().fence());
  EXPECT_EQ(Ok(agent_, &Tickets::ReleaseTicket, release).ticket().attempt(), 0);

  agent_.Claim("T-1");
  release.Clear();
  release.set_ticket_id("T-1");
  release.set_force(true);
  EXPECT_EQ(Ok(operator_, &Tickets::ReleaseTicket, release).ticket().state(),
            pb::Ticket::STATE_OPEN);

  pb::FailTicketRequest fail;
  fail.set_ticket_id("T-1");
  fail.set_fence(agent_.Claim("T-1").claim().fence());
  fail.set_reason("no luck");
  fail.set_final(true);
  EXPECT_EQ(Ok(agent_, &Tickets::FailTicket, fail).ticket().state(), pb::Ticket::STATE_FAILED);
}

TEST_F(ServicesTest, ClaimNextTakesTheFirstWaitsOrSaysWhyNot) {
  pb::ClaimNextTicketRequest request;
  const auto none = Ok(agent_, &Tickets::ClaimNextTicket, request);
  EXPECT_FALSE(none.has_ticket());
  EXPECT_TRUE(none.has_no_work());
  EXPECT_GT(none.revision(), 0);

  pb::CreateTicketRequest create;
  create.mutable_spec()->set_title("work");
  create.mutable_spec()->set_body("how");
  Ok(operator_, &Tickets::CreateTicket, create);
  const auto first = Ok(agent_, &Tickets::ClaimNextTicket, request);
  EXPECT_EQ(first.ticket().ticket_id(), "T-1");
  EXPECT_EQ(first.body(), "how");
  EXPECT_EQ(Ok(agent_, &Tickets::ClaimNextTicket, request).no_work().held(), 1);

  request.mutable_wait()->set_seconds(60);
  std::thread maker([this] { operator_.Create("more"); });
  EXPECT_EQ(Ok(agent_, &Tickets::ClaimNextTicket, request).ticket().ticket_id(), "T-2");
  maker.join();
}

TEST_F(ServicesTest, ACallerThatGoesAwayWhileItWaitsTakesNothing) {
  auto context = agent_.Context();
  grpc::CompletionQueue queue;
  pb::ClaimNextTicketRequest request;
  request.mutable_wait()->set_seconds(600);
  pb::ClaimNextTicketResponse response;
  grpc::Status status;
  Tickets stub(agent_.channel());
  const auto call = stub.AsyncClaimNextTicket(context.get(), request, &queue);
  call->Finish(&response, &status, nullptr);
  context->TryCancel();
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::CANCELLED);
  // Whether it came before it was cancelled or not: no later ticket is its.
  pb::ClaimNextTicketRequest now;
  for (int i = 0; i < 20; ++i) {
    const std::string made = operator_.Create("work").ticket_id();
    const auto next = Ok(agent_, &Tickets::ClaimNextTicket, now);
    if (next.has_ticket()) {
      EXPECT_EQ(next.ticket().ticket_id(), made);
      return;
    }
  }
  ADD_FAILURE() << "somebody else takes the tickets";
}

TEST_F(ServicesTest, CommentsComeNewestLastAndInPages) {
  operator_.Create("talk");
  pb::AddCommentRequest comment;
  comment.set_ticket_id("T-1");
  for (int i = 1; i <= 60; ++i) {
    comment.set_text(absl::StrCat("comment ", i));
    Ok(operator_, &Tickets::AddComment, comment);
  }
  const auto numbers = [this](int size, int before) {
    pb::GetTicketRequest request;
    request.set_ticket_id("T-1");
    request.set_comment_page_size(size);
    request.set_comments_before(before);
    std::vector<int> got;
    const auto response = Ok(operator_, &Tickets::GetTicket, request);
    for (const pb::Comment& one : response.comments()) got.push_back(one.number());
    return got;
  };
  EXPECT_THAT(numbers(3, 0), ElementsAre(58, 59, 60));
  EXPECT_THAT(numbers(3, 58), ElementsAre(55, 56, 57));
  EXPECT_THAT(numbers(3, 2), ElementsAre(1));
  EXPECT_EQ(numbers(3, 1).size(), 0u);
  EXPECT_EQ(numbers(0, 0).size(), 50u);
  EXPECT_THAT(numbers(1, 1'000), ElementsAre(60));
}

TEST_F(ServicesTest, LongCommentsStayBelowAMebibyte) {
  operator_.Create("talk");
  pb::AddCommentRequest comment;
  comment.set_ticket_id("T-1");
  comment.set_text(std::string(65'536, 'x'));
  for (int i = 0; i < 20; ++i) Ok(operator_, &Tickets::AddComment, comment);
  pb::GetTicketRequest request;
  request.set_ticket_id("T-1");
  const auto response = Ok(operator_, &Tickets::GetTicket, request);
  EXPECT_EQ(response.comments_size(), 15);
  EXPECT_EQ(response.comments(14).number(), 20);
}

}  // namespace
}  // namespace coordhub::rpc
