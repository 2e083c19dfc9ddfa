// Answers that the tests of commands share.

#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "tests/agent/coordctl/coordctl_fixture.h"

namespace coordhub::coordctl {

class Commands : public CoordctlTest {
 protected:
  // Answers `method` with an error.
  template <class Request, class Response>
  void Refuse(const std::string& method, const absl::Status& status) {
    hub_->On<Request, Response>(method, [status](const Request&, Response*) { return status; });
  }

  // CreateTicket echoes its spec as T-7.
  void EchoCreate() {
    hub_->On<pb::CreateTicketRequest, pb::CreateTicketResponse>(
        "TicketService/CreateTicket",
        [](const pb::CreateTicketRequest& request, pb::CreateTicketResponse* response) {
          pb::Ticket& ticket = *response->mutable_ticket();
          ticket.set_ticket_id("T-7");
          ticket.set_state(pb::Ticket::STATE_OPEN);
          ticket.set_title(request.spec().title());
          ticket.set_priority(request.spec().priority());
          *ticket.mutable_labels() = request.spec().labels();
          return absl::OkStatus();
        });
  }

  // GetAgent answers with these claims.
  void Hold(std::vector<std::pair<std::string, int64_t>> claims) {
    hub_->On<pb::GetAgentRequest, pb::GetAgentResponse>(
        "AgentService/GetAgent",
        [claims](const pb::GetAgentRequest&, pb::GetAgentResponse* response) {
          response->mutable_agent()->set_agent_id("conversation-42");
          for (const auto& [ticket, fence] : claims) {
            pb::HeldClaim& claim = *response->add_claims();
            claim.set_ticket_id(ticket);
            claim.set_fence(fence);
          }
          return absl::OkStatus();
        });
  }

  // GetAgent answers that agents are in this state, each in a session of its own.
  void AgentsAre(pb::Agent::State state) {
    hub_->On<pb::GetAgentRequest, pb::GetAgentResponse>(
        "AgentService/GetAgent",
        [state](const pb::GetAgentRequest& request, pb::GetAgentResponse* response) {
          response->mutable_agent()->set_agent_id(request.agent_id());
          response->mutable_agent()->set_state(state);
          response->mutable_agent()->set_session_uid(request.agent_id());
          return absl::OkStatus();
        });
  }

  // The token of the last RegisterAgent.
  std::string RegisteredWith() {
    std::string token = "(nobody registered)";
    for (const ScriptedHub::Call& call : hub_->calls()) {
      if (call.method == "AgentService/RegisterAgent") token = call.session_token;
    }
    return token;
  }

  // ListTickets answers with T-1.
  void ListOne() {
    hub_->On<pb::ListTicketsRequest, pb::ListTicketsResponse>(
        "TicketService/ListTickets",
        [](const pb::ListTicketsRequest&, pb::ListTicketsResponse* response) {
          response->add_tickets()->set_ticket_id("T-1");
          return absl::OkStatus();
        });
  }

  void EchoComplete() {
    hub_->On<pb::CompleteTicketRequest, pb::CompleteTicketResponse>(
        "TicketService/CompleteTicket",
        [](const pb::CompleteTicketRequest& request, pb::CompleteTicketResponse* response) {
          response->mutable_ticket()->set_ticket_id(request.ticket_id());
          response->mutable_ticket()->set_state(pb::Ticket::STATE_DONE);
          return absl::OkStatus();
        });
  }
  // The ticket and fence of the last CompleteTicket.
  std::string Completed() {
    const auto request =
        hub_->Requests<pb::CompleteTicketRequest>("TicketService/CompleteTicket").back();
    return absl::StrCat(request.ticket_id(), "@", request.fence());
  }
};

}  // namespace coordhub::coordctl
