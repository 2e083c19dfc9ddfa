#pragma once

#include <memory>

#include "grpcpp/generic/async_generic_service.h"
#include "hub/rpc/call_queue.h"

namespace coordhub::rpc {

// Answers calls of methods that no service has: NOT_IMPLEMENTED, as gRPC does, but with our
// ErrorInfo. Lives until its queue has stopped.
class UnknownMethods final : private Completion {
 public:
  UnknownMethods();
  ~UnknownMethods();

  // To be registered with the server.
  grpc::AsyncGenericService* service() { return &service_; }
  // Takes calls from now on. Once the server is built.
  void Accept(CallQueue* queue);

 private:
  class Call;

  void OnCompletion(bool ok) override;
  void Await();

  grpc::AsyncGenericService service_;
  CallQueue* queue_ = nullptr;
  std::unique_ptr<Call> next_;
};

}  // namespace coordhub::rpc
