// Who a call is taken for: by its own metadata, and nothing else.
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "hub/rpc/gate.h"
#include "tests/rpc/hub_fixture.h"

namespace coordhub::rpc {
namespace {

std::string CallerOf(const Client& client) { return client.GetHub().caller(); }

grpc::Status TryGetHub(const Client& client, const std::string& workspace_id = "") {
  pb::GetHubRequest request;
  request.set_workspace_id(workspace_id);
  pb::GetHubResponse response;
  return client.Call(&pb::HubService::Stub::GetHub, request, &response);
}

TEST(IdentityTest, CallsOfOneConnectionAreTakenForTheirOwnTokens) {
  constexpr int kCalls = 2'000;
  TestHub hub;
  Client connection = hub.OnSocket();
  connection.Register("conversation-1");
  const std::string first = connection.session();
  connection.set_session("");
  connection.Register("conversation-2");
  const std::string second = connection.session();

  // Interleaved over the same connection; each ticket says in its title who made it.
  std::vector<std::thread> threads;
  for (const auto& [token, name] : {std::pair(first, std::string("conversation-1")),
                                    std::pair(second, std::string("conversation-2")),
                                    std::pair(std::string(), std::string("operator"))}) {
    threads.emplace_back([&connection, token = token, name = name] {
      Client mine = connection;
      mine.set_session(token);
      for (int i = 0; i < kCalls; ++i) {
        if (i % 4 == 0) {
          EXPECT_EQ(CallerOf(mine), name);
        } else {
          EXPECT_EQ(mine.Create(name).creator(), name);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  pb::ListTicketsRequest request;
  request.set_page_size(1'000);
  int seen = 0;
  do {
    pb::ListTicketsResponse response;
    ASSERT_TRUE(connection.Call(&pb::TicketService::Stub::ListTickets, request, &response).ok());
    for (const pb::Ticket& ticket : response.tickets()) {
      ASSERT_EQ(ticket.creator(), ticket.title()) << ticket.ticket_id();
      ++seen;
    }
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(seen, 3 * kCalls * 3 / 4);
}

TEST(IdentityTest, TheSocketsUserIsTheOperator) {
  const TestHub hub;
  EXPECT_EQ(CallerOf(hub.OnSocket()), "operator");
}

TEST(IdentityTest, OnTcpATokenIsNeeded) {
  const TestHub hub;
  Client client = hub.OnTcp();
  EXPECT_EQ(ReasonOf(TryGetHub(client)), pb::ERROR_REASON_TOKEN_REQUIRED);
  client.set_operator("cho_" + std::string(64, '0'));
  EXPECT_EQ(ReasonOf(TryGetHub(client)), pb::ERROR_REASON_TOKEN_INVALID);
  client.set_operator(hub.operator_token() + "0");
  EXPECT_EQ(ReasonOf(TryGetHub(client)), pb::ERROR_REASON_TOKEN_INVALID);
  EXPECT_EQ(CallerOf(hub.OperatorOnTcp()), "operator");
}

TEST(IdentityTest, ASessionIsOneOnTcpToo) {
  const TestHub hub;
  Client agent = hub.OnSocket();
  agent.Register("conversation-1");
  Client remote = hub.OnTcp();
  remote.set_session(agent.session());
  EXPECT_EQ(CallerOf(remote), "conversation-1");
  // Whoever shows both acts as the agent, but neither may be wrong.
  remote.set_operator(hub.operator_token());
  EXPECT_EQ(CallerOf(remote), "conversation-1");
  remote.set_operator("cho_wrong");
  EXPECT_EQ(ReasonOf(TryGetHub(remote)), pb::ERROR_REASON_TOKEN_INVALID);
}

TEST(IdentityTest, ForgedTokensAreRefused) {
  const TestHub hub;
  Client agent = hub.OnSocket();
  agent.Register("conversation-1");
  std::string forged = agent.session();
  forged.back() = forged.back() == '0' ? '1' : '0';
  for (const std::string& token :
       {forged, std::string("x"), agent.session() + "0", agent.session().substr(0, 40),
        base::MintSessionToken("another key", std::string(32, 'a'))}) {
    Client client = hub.OnSocket();
    client.set_session(token);
    const grpc::Status status = TryGetHub(client);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
    EXPECT_EQ(ReasonOf(status), pb::ERROR_REASON_TOKEN_INVALID) << token;
  }
}

TEST(IdentityTest, AnUnknownSessionOfTheRightKeyHasEnded) {
  const TestHub hub;
  Client client = hub.OnSocket();
  client.set_session(base::MintSessionToken(hub.key(), std::string(32, 'a')));
  EXPECT_EQ(ReasonOf(TryGetHub(client)), pb::ERROR_REASON_SESSION_ENDED);
}

TEST(IdentityTest, TwoTokensAreOneTooMany) {
  const TestHub hub;
  Client agent = hub.OnSocket();
  agent.Register("conversation-1");
  for (const char* key : {base::kSessionMetadataKey, base::kOperatorMetadataKey}) {
    const std::string value =
        key == base::kSessionMetadataKey ? agent.session() : hub.operator_token();
    const auto context = std::make_unique<grpc::ClientContext>();
    context->AddMetadata(key, value);
    context->AddMetadata(key, value);
    pb::GetHubResponse response;
    const grpc::Status status = pb::HubService::Stub(hub.OnTcp().channel())
                                    .GetHub(context.get(), pb::GetHubRequest(), &response);
    EXPECT_EQ(ReasonOf(status), pb::ERROR_REASON_TOKEN_INVALID) << key;
  }
}

TEST(IdentityTest, AnEndedSessionIsRefusedAndToldWhoHoldsItsTicket) {
  TestHub hub;
  const Client user = hub.OnSocket();
  const std::string ticket_id = user.Create("work").ticket_id();
  Client frozen = hub.OnSocket();
  frozen.Register("conversation-1", absl::Seconds(5));
  const pb::Ticket claimed = frozen.Claim(ticket_id);
  hub.Age(absl::Seconds(7));
  // The read that found the session ended may come before the writer has noted it.
  Client next = hub.OnSocket();
  next.Register("conversation-2");
  pb::Ticket taken;
  {
    pb::ClaimNextTicketRequest request;
    request.mutable_wait()->set_seconds(60);
    pb::ClaimNextTicketResponse response;
    // It comes back after the back-off.
    std::thread time([&hub] { hub.Age(absl::Seconds(5)); });
    ASSERT_TRUE(next.Call(&pb::TicketService::Stub::ClaimNextTicket, request, &response).ok());
    time.join();
    taken = response.ticket();
  }
  ASSERT_EQ(taken.ticket_id(), ticket_id);
  const auto expect_ended = [&](const grpc::Status& status) {
    EXPECT_EQ(ReasonOf(status), pb::ERROR_REASON_SESSION_ENDED) << FromGrpc(status);
    EXPECT_EQ(MetadataOf(status, "agent_id"), "conversation-1");
    EXPECT_EQ(MetadataOf(status, "holder"), "conversation-2");
    EXPECT_EQ(MetadataOf(status, "current_fence"), absl::StrCat(taken.claim().fence()));
  };
  {
    pb::GetTicketRequest request;
    request.set_ticket_id(ticket_id);
    pb::GetTicketResponse response;
    expect_ended(frozen.Call(&pb::TicketService::Stub::GetTicket, request, &response));
  }
  {
    pb::CompleteTicketRequest request;
    request.set_ticket_id(ticket_id);
    request.set_fence(claimed.claim().fence());
    pb::CompleteTicketResponse response;
    expect_ended(frozen.Call(&pb::TicketService::Stub::CompleteTicket, request, &response));
  }
  {
    pb::RenewClaimRequest request;
    request.set_ticket_id(ticket_id);
    request.set_fence(claimed.claim().fence());
    pb::RenewClaimResponse response;
    expect_ended(frozen.Call(&pb::TicketService::Stub::RenewClaim, request, &response));
  }
  {
    pb::UpdateProgressRequest request;
    request.set_ticket_id(ticket_id);
    request.set_fence(claimed.claim().fence());
    pb::UpdateProgressResponse response;
    expect_ended(frozen.Call(&pb::TicketService::Stub::UpdateProgress, request, &response));
  }
}

// Whoever lost its session is less than it was, not more: it does nothing that the operator may.
TEST(IdentityTest, AnEndedSessionIsNoOperator) {
  TestHub hub;
  const Client user = hub.OnSocket();
  const std::string ticket_id = user.Create("work").ticket_id();
  Client other = hub.OnSocket();
  other.Register("conversation-2", absl::Hours(1));
  other.Claim(ticket_id);
  Client ended = hub.OnSocket();
  ended.Register("conversation-1");
  pb::DeregisterAgentResponse left;
  ASSERT_TRUE(
      ended.Call(&pb::AgentService::Stub::DeregisterAgent, pb::DeregisterAgentRequest(), &left)
          .ok());

  pb::CancelTicketRequest request;
  request.set_ticket_id(ticket_id);
  pb::CancelTicketResponse response;
  const grpc::Status status =
      ended.Call(&pb::TicketService::Stub::CancelTicket, request, &response);
  EXPECT_EQ(ReasonOf(status), pb::ERROR_REASON_SESSION_ENDED) << FromGrpc(status);
  pb::GetTicketRequest get;
  get.set_ticket_id(ticket_id);
  pb::GetTicketResponse got;
  ASSERT_TRUE(user.Call(&pb::TicketService::Stub::GetTicket, get, &got).ok());
  EXPECT_EQ(got.ticket().claim().agent_id(), "conversation-2");
}

// Of the kinds of caller none is what is left when nothing is said.
TEST(IdentityTest, NoPrincipalIsMadeWithoutSayingWhatItIs) {
  static_assert(!std::is_default_constructible_v<Principal>);
  static_assert(!std::is_default_constructible_v<CallScope>);
  const CallScope observer{Principal::Observer(), nullptr};
  EXPECT_EQ(observer.MakeCaller().kind(), core::Caller::Kind::kObserver);
  EXPECT_FALSE(observer.principal.is_operator());
  // Of a session that nobody knows, nothing but a session is made.
  EXPECT_FALSE(Principal::Agent("", nullptr).is_operator());
}

TEST(IdentityTest, AnyCallRenewsTheSession) {
  TestHub hub;
  Client agent = hub.OnSocket();
  agent.Register("conversation-1", absl::Seconds(5));
  for (int i = 0; i < 10; ++i) {
    hub.Age(absl::Seconds(3));
    ASSERT_EQ(CallerOf(agent), "conversation-1");
  }
}

class SeveralWorkspacesTest : public ::testing::Test {
 protected:
  TestHub hub_{HubSpec{.workspaces = {"alpha", "beta"}}};
};

TEST_F(SeveralWorkspacesTest, AnEmptyWorkspaceIsTheSocketsOwn) {
  EXPECT_EQ(hub_.OnSocket(0).GetHub().workspace().workspace_id(), "alpha");
  EXPECT_EQ(hub_.OnSocket(1).GetHub().workspace().workspace_id(), "beta");
  pb::GetHubRequest request;
  request.set_workspace_id("beta");
  pb::GetHubResponse response;
  ASSERT_TRUE(hub_.OnSocket(0).Call(&pb::HubService::Stub::GetHub, request, &response).ok());
  EXPECT_EQ(response.workspace().workspace_id(), "beta");
}

TEST_F(SeveralWorkspacesTest, OnTcpItMustBeNamed) {
  const Client client = hub_.OperatorOnTcp();
  const grpc::Status unnamed = TryGetHub(client);
  EXPECT_EQ(ReasonOf(unnamed), pb::ERROR_REASON_WORKSPACE_REQUIRED);
  EXPECT_EQ(MetadataOf(unnamed, "workspaces"), "alpha,beta");
  EXPECT_TRUE(TryGetHub(client, "beta").ok());
  const grpc::Status unknown = TryGetHub(client, "gamma");
  EXPECT_EQ(ReasonOf(unknown), pb::ERROR_REASON_WORKSPACE_NOT_FOUND);
  EXPECT_EQ(MetadataOf(unknown, "workspace_id"), "gamma");
  // Nobody learns names without a token.
  EXPECT_EQ(ReasonOf(TryGetHub(hub_.OnTcp(), "gamma")), pb::ERROR_REASON_TOKEN_REQUIRED);
}

TEST_F(SeveralWorkspacesTest, ASessionIsOneOfItsWorkspaceOnly) {
  Client agent = hub_.OnSocket(0);
  agent.Register("conversation-1");
  EXPECT_TRUE(TryGetHub(agent).ok());
  EXPECT_EQ(ReasonOf(TryGetHub(agent, "beta")), pb::ERROR_REASON_TOKEN_INVALID);
  Client elsewhere = hub_.OnSocket(1);
  elsewhere.set_session(agent.session());
  EXPECT_EQ(ReasonOf(TryGetHub(elsewhere)), pb::ERROR_REASON_TOKEN_INVALID);
  EXPECT_TRUE(TryGetHub(elsewhere, "alpha").ok());
  Client remote = hub_.OnTcp();
  remote.set_session(agent.session());
  EXPECT_EQ(ReasonOf(TryGetHub(remote)), pb::ERROR_REASON_WORKSPACE_REQUIRED);
  EXPECT_TRUE(TryGetHub(remote, "alpha").ok());
}

TEST_F(SeveralWorkspacesTest, AllAreListedInPages) {
  const Client client = hub_.OperatorOnTcp();
  pb::ListWorkspacesRequest request;
  request.set_page_size(1);
  pb::ListWorkspacesResponse response;
  ASSERT_TRUE(client.Call(&pb::HubService::Stub::ListWorkspaces, request, &response).ok());
  ASSERT_EQ(response.workspaces_size(), 1);
  EXPECT_EQ(response.workspaces(0).workspace_id(), "alpha");
  request.set_page_token(response.next_page_token());
  ASSERT_TRUE(client.Call(&pb::HubService::Stub::ListWorkspaces, request, &response).ok());
  ASSERT_EQ(response.workspaces_size(), 1);
  EXPECT_EQ(response.workspaces(0).workspace_id(), "beta");
  EXPECT_EQ(response.next_page_token(), "");
}

}  // namespace
}  // namespace coordhub::rpc
