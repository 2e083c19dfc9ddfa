#include "agent/client/client.h"

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <set>

#include "agent/base/manual_clock.h"
#include "agent/client/proto_time.h"
#include "tests/agent/client/fake_transport.h"

namespace coordhub::agent {
namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::MessageLite;

template <class Message>
Message Parse(const FakeTransport::Request& request) {
  Message message;
  EXPECT_TRUE(message.ParseFromString(request.bytes));
  return message;
}

class ClientTest : public testing::Test {
 protected:
  ClientTest() : client_(Make()) {}

  Client Make() {
    ClientOptions options;
    options.workspace_id = "repo";
    options.credentials.session_token = "chs_me";
    options.retry.backoff.jitter = 0;
    options.clock = &clock_;
    options.ids = &ids_;
    options.on_retry = [this](const absl::Status&, absl::Duration delay) { clock_.Advance(delay); };
    auto transport = std::make_unique<FakeTransport>();
    transport_ = transport.get();
    return Client::Over(std::move(options), std::move(transport));
  }

  // Makes the next call answer with a claimed ticket.
  void Grant(const std::string& ticket_id, int64_t fence) {
    transport_->answer = [=](const FakeTransport::Request&, MessageLite* response) {
      auto& typed = static_cast<pb::ClaimNextTicketResponse&>(*response);
      typed.mutable_ticket()->set_ticket_id(ticket_id);
      typed.mutable_ticket()->mutable_claim()->set_fence(fence);
      return absl::OkStatus();
    };
  }

  base::ManualClock clock_;
  base::SequenceIdSource ids_{1};
  FakeTransport* transport_ = nullptr;
  Client client_;
};

TEST_F(ClientTest, FillsInWorkspaceAndRequestId) {
  ASSERT_TRUE(client_.CreateTicket({}).ok());
  const auto request = Parse<pb::CreateTicketRequest>(transport_->requests[0]);
  EXPECT_EQ(request.workspace_id(), "repo");
  EXPECT_EQ(request.request_id().size(), 32u);
  EXPECT_EQ(transport_->requests[0].credentials.session_token, "chs_me");
}

TEST_F(ClientTest, KeepsWhatTheRequestSays) {
  pb::CreateTicketRequest request;
  request.set_workspace_id("other");
  request.set_request_id("mine");
  ASSERT_TRUE(client_.CreateTicket(request).ok());
  const auto sent = Parse<pb::CreateTicketRequest>(transport_->requests[0]);
  EXPECT_EQ(sent.workspace_id(), "other");
  EXPECT_EQ(sent.request_id(), "mine");
}

TEST_F(ClientTest, EachCallHasAnIdOfItsOwnAndEachAttemptTheSame) {
  transport_->answer = [this](const FakeTransport::Request&, MessageLite*) {
    return transport_->requests.size() < 3 ? Unreachable() : absl::OkStatus();
  };
  ASSERT_TRUE(client_.CreateTicket({}).ok());
  ASSERT_TRUE(client_.CreateTicket({}).ok());
  std::vector<std::string> ids;
  for (const auto& request : transport_->requests) {
    ids.push_back(Parse<pb::CreateTicketRequest>(request).request_id());
  }
  ASSERT_EQ(ids.size(), 4u);
  EXPECT_EQ(ids[0], ids[1]);
  EXPECT_EQ(ids[1], ids[2]);
  EXPECT_NE(ids[2], ids[3]);
}

TEST_F(ClientTest, AsCallsAsSomebodyElseOverTheSameConnection) {
  const Client other = client_.As({.session_token = "chs_other"});
  ASSERT_TRUE(other.GetHub({}).ok());
  EXPECT_EQ(transport_->requests[0].credentials.session_token, "chs_other");
  EXPECT_NE(other.ledger(), client_.ledger());
}

// Calls every method once and holds what went out against the contract.
TEST_F(ClientTest, EveryMethodIsInTheContractWithItsTypes) {
  EXPECT_TRUE(client_.RegisterAgent({}).ok());
  EXPECT_TRUE(client_.DeregisterAgent({}).ok());
  EXPECT_TRUE(client_.GetAgent({}).ok());
  EXPECT_TRUE(client_.ListAgents({}).ok());
  EXPECT_TRUE(client_.CreateTicket({}).ok());
  EXPECT_TRUE(client_.BatchCreateTickets({}).ok());
  EXPECT_TRUE(client_.GetTicket({}).ok());
  EXPECT_TRUE(client_.ListTickets({}).ok());
  EXPECT_TRUE(client_.UpdateTicket({}).ok());
  EXPECT_TRUE(client_.ClaimTicket({}).ok());
  EXPECT_TRUE(client_.ClaimNextTicket({}).ok());
  EXPECT_TRUE(client_.RenewClaim({}).ok());
  EXPECT_TRUE(client_.ReleaseTicket({}).ok());
  EXPECT_TRUE(client_.CompleteTicket({}).ok());
  EXPECT_TRUE(client_.FailTicket({}).ok());
  EXPECT_TRUE(client_.CancelTicket({}).ok());
  EXPECT_TRUE(client_.ReopenTicket({}).ok());
  EXPECT_TRUE(client_.AddComment({}).ok());
  EXPECT_TRUE(client_.UpdateProgress({}).ok());
  EXPECT_TRUE(client_.ListEvents({}).ok());
  EXPECT_TRUE(client_.GetHub({}).ok());
  EXPECT_TRUE(client_.ListWorkspaces({}).ok());
  EXPECT_TRUE(client_.ListLoops({}).ok());
  EXPECT_TRUE(client_.CompactWorkspace({}).ok());
  EXPECT_TRUE(client_.BackupWorkspace({}).ok());
  EXPECT_TRUE(client_.VerifyWorkspace({}).ok());
  EXPECT_TRUE(client_.DrainHub({}).ok());

  std::set<std::string> called;
  for (size_t i = 0; i < transport_->requests.size(); ++i) {
    // "/package.Service/Method" names what the pool calls "package.Service.Method".
    std::string name = transport_->requests[i].method.substr(1);
    name.replace(name.find('/'), 1, ".");
    const auto* method = DescriptorPool::generated_pool()->FindMethodByName(name);
    ASSERT_NE(method, nullptr) << name;
    EXPECT_EQ(method->input_type()->full_name(), transport_->requests[i].type);
    EXPECT_EQ(method->output_type()->full_name(), transport_->response_types[i]);
    called.insert(name);
  }
  EXPECT_EQ(called.size(), transport_->requests.size());
  // Nothing of the two services that agents live by was forgotten.
  for (const char* service : {"coordhub.v1.TicketService", "coordhub.v1.AgentService"}) {
    const auto* descriptor = DescriptorPool::generated_pool()->FindServiceByName(service);
    for (int i = 0; i < descriptor->method_count(); ++i) {
      if (descriptor->method(i)->client_streaming()) continue;
      EXPECT_EQ(called.count(descriptor->method(i)->full_name()), 1u)
          << descriptor->method(i)->full_name();
    }
  }
}

TEST_F(ClientTest, AWaitingCallMayTakeItsWaitLonger) {
  pb::ClaimNextTicketRequest request;
  *request.mutable_wait() = ToProto(absl::Minutes(5));
  ASSERT_TRUE(client_.ClaimNextTicket(request).ok());
  EXPECT_EQ(transport_->requests[0].timeout, absl::Minutes(5) + absl::Seconds(30));
}

// The wait began anew in a restarted hub, so our time ends first. A ticket granted in the last
// moment must not be lost: the same request is asked once more.
TEST_F(ClientTest, AtTheEndOfAWaitItAsksWhetherATicketWasGranted) {
  transport_->answer = [this](const FakeTransport::Request&, MessageLite* response) {
    if (transport_->requests.size() == 1) return absl::DeadlineExceededError("late");
    auto& typed = static_cast<pb::ClaimNextTicketResponse&>(*response);
    typed.mutable_ticket()->set_ticket_id("T-9");
    typed.mutable_ticket()->mutable_claim()->set_fence(77);
    return absl::OkStatus();
  };
  pb::ClaimNextTicketRequest request;
  *request.mutable_wait() = ToProto(absl::Minutes(5));
  const auto response = client_.ClaimNextTicket(request);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->ticket().ticket_id(), "T-9");
  EXPECT_EQ(transport_->requests[0].bytes, transport_->requests[1].bytes);
  ASSERT_EQ(client_.ledger()->Held().size(), 1u);
}

TEST_F(ClientTest, AWaitThatEndsWithoutWorkIsNoError) {
  transport_->answer = [](const FakeTransport::Request&, MessageLite*) {
    return absl::DeadlineExceededError("late");
  };
  pb::ClaimNextTicketRequest request;
  *request.mutable_wait() = ToProto(absl::Minutes(5));
  const auto response = client_.ClaimNextTicket(request);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_FALSE(response->has_ticket());
  EXPECT_TRUE(response->has_no_work());
  EXPECT_FALSE(client_.ClaimNextTicket({}).ok());  // without a wait it is an error
}

TEST_F(ClientTest, KnowsWhatItHolds) {
  Grant("T-1", 11);
  ASSERT_TRUE(client_.ClaimNextTicket({}).ok());
  Grant("T-2", 12);
  ASSERT_TRUE(client_.ClaimNextTicket({}).ok());
  EXPECT_EQ(client_.ledger()->Held().size(), 2u);

  transport_->answer = [](const FakeTransport::Request&, MessageLite* response) {
    auto& typed = static_cast<pb::CompleteTicketResponse&>(*response);
    typed.mutable_ticket()->set_ticket_id("T-1");
    typed.set_revision(13);
    return absl::OkStatus();
  };
  ASSERT_TRUE(client_.CompleteTicket({}).ok());
  ASSERT_EQ(client_.ledger()->Held().size(), 1u);
  EXPECT_EQ(client_.ledger()->Held()[0].ticket_id(), "T-2");
}

TEST_F(ClientTest, ListsAllPagesAndBeginsAgainWhenTheyAreGone) {
  int expired = 0;
  transport_->answer = [&](const FakeTransport::Request& request, MessageLite* response) {
    const auto asked = Parse<pb::ListTicketsRequest>(request);
    auto& page = static_cast<pb::ListTicketsResponse&>(*response);
    page.set_revision(40 + expired);
    if (asked.page_token().empty()) {
      page.add_tickets()->set_ticket_id("T-1");
      page.set_next_page_token("second");
    } else if (expired++ == 0) {
      return base::MakeError(pb::ERROR_REASON_PAGE_TOKEN_EXPIRED, "begin again");
    } else {
      page.add_tickets()->set_ticket_id("T-2");
    }
    return absl::OkStatus();
  };
  const auto listing = ListAllTickets(client_, {});
  ASSERT_TRUE(listing.ok()) << listing.status();
  ASSERT_EQ(listing->tickets.size(), 2u);
  EXPECT_EQ(listing->tickets[0].ticket_id(), "T-1");
  EXPECT_EQ(listing->tickets[1].ticket_id(), "T-2");
  EXPECT_EQ(transport_->requests.size(), 4u);
}

TEST_F(ClientTest, AListingStopsAtItsLimit) {
  transport_->answer = [](const FakeTransport::Request& request, MessageLite* response) {
    auto& page = static_cast<pb::ListTicketsResponse&>(*response);
    for (int i = 0; i < Parse<pb::ListTicketsRequest>(request).page_size(); ++i) {
      page.add_tickets();
    }
    page.set_next_page_token("more");
    return absl::OkStatus();
  };
  const auto listing = ListAllTickets(client_, {}, 1500);
  ASSERT_TRUE(listing.ok());
  EXPECT_EQ(listing->tickets.size(), 1500u);
  EXPECT_EQ(transport_->requests.size(), 2u);
}

TEST(Connect, WantsAnEndpoint) {
  const auto client = Client::Connect({});
  EXPECT_EQ(base::ReasonOf(client.status()), pb::ERROR_REASON_INVALID_FIELD);
  EXPECT_EQ(base::MetadataOf(client.status(), "field"), "endpoint");
}

TEST(Connect, PassesOnWhyNoEndpointIsFound) {
  ClientOptions options;
  options.resolve = []() -> absl::StatusOr<std::string> { return Unreachable(); };
  EXPECT_EQ(base::ReasonOf(Client::Connect(options).status()), pb::ERROR_REASON_HUB_UNREACHABLE);
}

}  // namespace
}  // namespace coordhub::agent
