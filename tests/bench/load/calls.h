// What the unary calls of a load need, kept from call to call.

#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "grpcpp/grpcpp.h"

namespace coordhub::bench {

// Unary calls of one method, a slot's one after the other: messages keep their memory from call to
// call, since the client takes its part of the processors that it shares with the server.
// Threads may use different slots at once.
template <class Request, class Response>
class Calls {
 public:
  struct Call {
    std::optional<grpc::ClientContext> context;
    Request request;
    Response response;
  };

  explicit Calls(int slots) : calls_(static_cast<size_t>(slots)) {}

  // The slot's next call, with an empty request; its last one has ended, or is ending with this.
  Call& Begin(int slot) {
    Call& call = calls_[static_cast<size_t>(slot)];
    call.context.emplace();
    call.request.Clear();
    return call;
  }

 private:
  std::vector<Call> calls_;
};

}  // namespace coordhub::bench
