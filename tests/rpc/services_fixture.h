// Calls that are expected to succeed.

#pragma once

#include <utility>

#include "gtest/gtest.h"
#include "tests/rpc/hub_fixture.h"

namespace coordhub::rpc {

// A hub with the operator and one agent.
class ServicesTest : public ::testing::Test {
 protected:
  using Agents = pb::AgentService::Stub;
  using Tickets = pb::TicketService::Stub;
  using Events = pb::EventService::Stub;
  using Hub = pb::HubService::Stub;

  explicit ServicesTest(HubSpec spec = {}) : hub_(std::move(spec)) {}
  void SetUp() override { agent_.Register("conversation-1"); }

  // Calls, expects success, and gives the answer.
  template <class Service, class Request, class Response>
  static Response Ok(const Client& client,
                     grpc::Status (Service::*method)(grpc::ClientContext*, const Request&,
                                                     Response*),
                     const Request& request) {
    Response response;
    const grpc::Status status = client.Call(method, request, &response);
    EXPECT_TRUE(status.ok()) << FromGrpc(status);
    return response;
  }

  TestHub hub_;
  Client operator_ = hub_.OnSocket();
  Client agent_ = hub_.OnSocket();
};

}  // namespace coordhub::rpc
