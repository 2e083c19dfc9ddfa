#pragma once

#include <memory>

#include "hub/rpc/mutation_kinds.h"
#include "hub/rpc/typed_service.h"

namespace coordhub::rpc {

// coordhub.v1.TicketService. What its commands do is decided in hub/core/decide.
class TicketService final : public TypedService {
 public:
  TicketService(std::shared_ptr<ServiceHost> host, const Gate* gate);

 private:
  // A mutation, as a call and as an element of MutateTickets.
  template <class Request, class Response, class Answer>
  void BindBoth(const char* method, MutationKinds::Kind kind,
                Request* (v1::TicketMutation::*request_of)(),
                Response* (v1::TicketMutationResult::*response_of)(), Answer answer) {
    BindMutation<Request>(method, answer);
    kinds_.Add(kind, StreamedMutation(method, request_of, response_of, answer));
  }
  void BindMutations();

  MutationKinds kinds_;
};

}  // namespace coordhub::rpc
