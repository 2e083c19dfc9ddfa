// The hub as a load sees it: agents, tickets, and the calls that are measured.

#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "coordhub/v1/agent_service.grpc.pb.h"
#include "coordhub/v1/event_service.grpc.pb.h"
#include "coordhub/v1/ticket_service.grpc.pb.h"
#include "grpcpp/grpcpp.h"
#include "tests/bench/load/load.h"

namespace coordhub::bench {

namespace pb = ::coordhub::v1;

// Ends the process when `status` is an error: a measurement of refusals is none.
void Check(const grpc::Status& status, const char* what);

class HubSide {
 public:
  explicit HubSide(std::vector<std::shared_ptr<grpc::Channel>> channels);

  // Session tokens of `count` new agents.
  void RegisterAgents(int count);
  // Tickets to claim or to read.
  void CreateTickets(int count);

  // Operations for a load of so many slots. A claim holds its ticket for good; agents take turns,
  // since each may hold 256.
  Operation Claim(int slots);
  // Claims and completes: one operation.
  Operation ClaimAndComplete(int slots);
  Operation Create(int slots);
  Operation Get(int slots);
  Operation List(int slots);
  // A read that looks at many records or events: by turns one that finds none of 10,000 tickets,
  // and one of 1,000 events.
  Operation HeavyRead(int slots);

  const std::vector<std::string>& sessions() const { return sessions_; }
  // Of a request and response that were measured: for references of the same size.
  int request_bytes() const { return request_bytes_; }
  int response_bytes() const { return response_bytes_; }

 private:
  pb::TicketService::Stub& StubOf(int slot) {
    return *stubs_[static_cast<size_t>(slot) % stubs_.size()];
  }
  // The first's will do for all.
  template <class Request, class Response>
  void Note(const Request& request, const Response& response) {
    if (response_bytes_ != 0) return;
    request_bytes_ = static_cast<int>(request.ByteSizeLong());
    response_bytes_ = static_cast<int>(response.ByteSizeLong());
  }

  std::vector<std::shared_ptr<grpc::Channel>> channels_;
  std::vector<std::unique_ptr<pb::TicketService::Stub>> stubs_;
  std::vector<std::unique_ptr<pb::EventService::Stub>> event_stubs_;
  std::vector<std::string> sessions_;
  std::atomic<int64_t> claims_{0};
  std::atomic<int64_t> gets_{0};
  std::atomic<int> request_bytes_{0};
  std::atomic<int> response_bytes_{0};
  int tickets_ = 0;
};

}  // namespace coordhub::bench
