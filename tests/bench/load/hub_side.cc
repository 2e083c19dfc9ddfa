#include "tests/bench/load/hub_side.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "tests/bench/load/calls.h"

namespace coordhub::bench {
namespace {

constexpr char kSession[] = "coordhub-session";
constexpr int kClaimsPerAgent = 256;
constexpr int kTicketsPerBatch = 500;

}  // namespace

void Check(const grpc::Status& status, const char* what) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s: %s\n", what, status.error_message().c_str());
  std::exit(1);
}

HubSide::HubSide(std::vector<std::shared_ptr<grpc::Channel>> channels)
    : channels_(std::move(channels)) {
  for (const auto& channel : channels_) {
    stubs_.push_back(pb::TicketService::NewStub(channel));
    event_stubs_.push_back(pb::EventService::NewStub(channel));
  }
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

Operation HubSide::Claim(int slots) {
  using ClaimCalls = Calls<pb::ClaimNextTicketRequest, pb::ClaimNextTicketResponse>;
  return [this, calls = std::make_shared<ClaimCalls>(slots)](int slot, const Done& done) {
    auto& call = calls->Begin(slot);
    const auto agent = static_cast<size_t>(claims_++ / kClaimsPerAgent);
    if (agent >= sessions_.size()) Check({grpc::StatusCode::ABORTED, "too few agents"}, "claim");
    call.context->AddMetadata(kSession, sessions_[agent]);
    StubOf(slot).async()->ClaimNextTicket(
        &*call.context, &call.request, &call.response,
        [this, &call, done](const grpc::Status& status) {
          Check(status, "ClaimNextTicket");
          if (!call.response.has_ticket()) Check({grpc::StatusCode::ABORTED, "no work"}, "claim");
          Note(call.request, call.response);
          done(true);
        });
  };
}

Operation HubSide::ClaimAndComplete(int slots) {
  using ClaimCalls = Calls<pb::ClaimNextTicketRequest, pb::ClaimNextTicketResponse>;
  using CompleteCalls = Calls<pb::CompleteTicketRequest, pb::CompleteTicketResponse>;
  return [this, claims = std::make_shared<ClaimCalls>(slots),
          completions = std::make_shared<CompleteCalls>(slots)](int slot, const Done& done) {
    auto& claim = claims->Begin(slot);
    const std::string& session = sessions_[static_cast<size_t>(slot) % sessions_.size()];
    claim.context->AddMetadata(kSession, session);
    StubOf(slot).async()->ClaimNextTicket(
        &*claim.context, &claim.request, &claim.response,
        [this, &claim, completions, slot, &session, done](const grpc::Status& status) {
          Check(status, "ClaimNextTicket");
          if (!claim.response.has_ticket()) Check({grpc::StatusCode::ABORTED, "no work"}, "claim");
          auto& complete = completions->Begin(slot);
          complete.context->AddMetadata(kSession, session);
          complete.request.set_ticket_id(claim.response.ticket().ticket_id());
          complete.request.set_fence(claim.response.ticket().claim().fence());
          StubOf(slot).async()->CompleteTicket(&*complete.context, &complete.request,
                                               &complete.response,
                                               [done](const grpc::Status& ended) {
                                                 Check(ended, "CompleteTicket");
                                                 done(true);
                                               });
        });
  };
}

Operation HubSide::Create(int slots) {
  using CreateCalls = Calls<pb::CreateTicketRequest, pb::CreateTicketResponse>;
  return [this, calls = std::make_shared<CreateCalls>(slots)](int slot, const Done& done) {
    auto& call = calls->Begin(slot);
    call.request.mutable_spec()->set_title("a ticket of the benchmark");
    StubOf(slot).async()->CreateTicket(&*call.context, &call.request, &call.response,
                                       [this, &call, done](const grpc::Status& status) {
                                         Check(status, "CreateTicket");
                                         Note(call.request, call.response);
                                         done(true);
                                       });
  };
}

Operation HubSide::Get(int slots) {
  using GetCalls = Calls<pb::GetTicketRequest, pb::GetTicketResponse>;
  return [this, calls = std::make_shared<GetCalls>(slots)](int slot, const Done& done) {
    auto& call = calls->Begin(slot);
    call.request.set_ticket_id("T-" + std::to_string(1 + gets_++ % std::max(tickets_, 1)));
    StubOf(slot).async()->GetTicket(&*call.context, &call.request, &call.response,
                                    [this, &call, done](const grpc::Status& status) {
                                      Check(status, "GetTicket");
                                      Note(call.request, call.response);
                                      done(true);
                                    });
  };
}

Operation HubSide::List(int slots) {
  using ListCalls = Calls<pb::ListTicketsRequest, pb::ListTicketsResponse>;
  return [this, calls = std::make_shared<ListCalls>(slots)](int slot, const Done& done) {
    auto& call = calls->Begin(slot);
    call.request.set_page_size(100);
    StubOf(slot).async()->ListTickets(&*call.context, &call.request, &call.response,
                                      [this, &call, done](const grpc::Status& status) {
                                        Check(status, "ListTickets");
                                        Note(call.request, call.response);
                                        done(true);
                                      });
  };
}

Operation HubSide::HeavyRead(int slots) {
  using ListCalls = Calls<pb::ListTicketsRequest, pb::ListTicketsResponse>;
  using EventCalls = Calls<pb::ListEventsRequest, pb::ListEventsResponse>;
  return [this, lists = std::make_shared<ListCalls>(slots),
          pages = std::make_shared<EventCalls>(slots)](int slot, const Done& done) {
    if (gets_++ % 2 == 0) {
      auto& call = lists->Begin(slot);
      call.request.add_labels("nobody-has-it");
      return StubOf(slot).async()->ListTickets(&*call.context, &call.request, &call.response,
                                               [done](const grpc::Status& status) {
                                                 Check(status, "ListTickets");
                                                 done(true);
                                               });
    }
    auto& call = pages->Begin(slot);
    call.request.set_page_size(1'000);
    event_stubs_[static_cast<size_t>(slot) % event_stubs_.size()]->async()->ListEvents(
        &*call.context, &call.request, &call.response, [done](const grpc::Status& status) {
          Check(status, "ListEvents");
          done(true);
        });
  };
}

}  // namespace coordhub::bench
