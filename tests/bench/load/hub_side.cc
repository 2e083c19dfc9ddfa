#include "tests/bench/load/hub_side.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace coordhub::bench {
namespace {

constexpr char kSession[] = "coordhub-session";
constexpr int kClaimsPerAgent = 256;
constexpr int kTicketsPerBatch = 500;

// One unary call, with what must live until it has ended.
template <class Request, class Response>
struct Call {
  grpc::ClientContext context;
  Request request;
  Response response;
};

}  // namespace

void Check(const grpc::Status& status, const char* what) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s: %s\n", what, status.error_message().c_str());
  std::exit(1);
}

HubSide::HubSide(std::vector<std::shared_ptr<grpc::Channel>> channels)
    : channels_(std::move(channels)) {
  for (const auto& channel : channels_) stubs_.push_back(pb::TicketService::NewStub(channel));
}

void HubSide::RegisterAgents(int count) {
  const auto stub = pb::AgentService::NewStub(channels_.front());
  for (int i = 0; i < count; ++i) {
    grpc::ClientContext context;
    pb::RegisterAgentRequest request;
    pb::RegisterAgentResponse response;
    request.set_agent_id("bench-" + std::to_string(getpid()) + "-" + std::to_string(i));
    request.mutable_ttl()->set_seconds(3'600);
    Check(stub->RegisterAgent(&context, request, &response), "RegisterAgent");
    sessions_.push_back(response.session_token());
  }
}

void HubSide::CreateTickets(int count) {
  pb::BatchCreateTicketsRequest request;
  for (int i = 0; i < count; ++i) {
    request.add_tickets()->mutable_spec()->set_title("ticket number " + std::to_string(i));
    if (request.tickets_size() < kTicketsPerBatch && i + 1 < count) continue;
    grpc::ClientContext context;
    pb::BatchCreateTicketsResponse response;
    Check(stubs_.front()->BatchCreateTickets(&context, request, &response), "BatchCreateTickets");
    request.Clear();
  }
  tickets_ += count;
}

Operation HubSide::Claim() {
  return [this](int slot, const Done& done) {
    using ClaimCall = Call<pb::ClaimNextTicketRequest, pb::ClaimNextTicketResponse>;
    const auto call = std::make_shared<ClaimCall>();
    const auto agent = static_cast<size_t>(claims_++ / kClaimsPerAgent);
    if (agent >= sessions_.size()) Check({grpc::StatusCode::ABORTED, "too few agents"}, "claim");
    call->context.AddMetadata(kSession, sessions_[agent]);
    StubOf(slot).async()->ClaimNextTicket(
        &call->context, &call->request, &call->response, [this, call, done](grpc::Status status) {
          Check(status, "ClaimNextTicket");
          if (!call->response.has_ticket()) Check({grpc::StatusCode::ABORTED, "no work"}, "claim");
          Note(call->request, call->response);
          done(true);
        });
  };
}

Operation HubSide::ClaimAndComplete() {
  return [this](int slot, const Done& done) {
    using ClaimCall = Call<pb::ClaimNextTicketRequest, pb::ClaimNextTicketResponse>;
    using CompleteCall = Call<pb::CompleteTicketRequest, pb::CompleteTicketResponse>;
    const auto claim = std::make_shared<ClaimCall>();
    const std::string& session = sessions_[static_cast<size_t>(slot) % sessions_.size()];
    claim->context.AddMetadata(kSession, session);
    StubOf(slot).async()->ClaimNextTicket(
        &claim->context, &claim->request, &claim->response,
        [this, claim, slot, &session, done](grpc::Status status) {
          Check(status, "ClaimNextTicket");
          const auto complete = std::make_shared<CompleteCall>();
          complete->context.AddMetadata(kSession, session);
          complete->request.set_ticket_id(claim->response.ticket().ticket_id());
          complete->request.set_fence(claim->response.ticket().claim().fence());
          StubOf(slot).async()->CompleteTicket(&complete->context, &complete->request,
                                               &complete->response,
                                               [complete, done](grpc::Status ended) {
                                                 Check(ended, "CompleteTicket");
                                                 done(true);
                                               });
        });
  };
}

Operation HubSide::Create() {
  return [this](int slot, const Done& done) {
    const auto call = std::make_shared<Call<pb::CreateTicketRequest, pb::CreateTicketResponse>>();
    call->request.mutable_spec()->set_title("a ticket of the benchmark");
    StubOf(slot).async()->CreateTicket(&call->context, &call->request, &call->response,
                                       [this, call, done](grpc::Status status) {
                                         Check(status, "CreateTicket");
                                         Note(call->request, call->response);
                                         done(true);
                                       });
  };
}

Operation HubSide::Get() {
  return [this](int slot, const Done& done) {
    const auto call = std::make_shared<Call<pb::GetTicketRequest, pb::GetTicketResponse>>();
    call->request.set_ticket_id("T-" + std::to_string(1 + gets_++ % std::max(tickets_, 1)));
    StubOf(slot).async()->GetTicket(&call->context, &call->request, &call->response,
                                    [this, call, done](grpc::Status status) {
                                      Check(status, "GetTicket");
                                      Note(call->request, call->response);
                                      done(true);
                                    });
  };
}

Operation HubSide::List() {
  return [this](int slot, const Done& done) {
    const auto call = std::make_shared<Call<pb::ListTicketsRequest, pb::ListTicketsResponse>>();
    call->request.set_page_size(100);
    StubOf(slot).async()->ListTickets(&call->context, &call->request, &call->response,
                                      [this, call, done](grpc::Status status) {
                                        Check(status, "ListTickets");
                                        Note(call->request, call->response);
                                        done(true);
                                      });
  };
}

}  // namespace coordhub::bench
