// A gRPC service, made from its descriptor, whose calls come through a queue.

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "google/protobuf/descriptor.h"
#include "grpcpp/impl/service_type.h"
#include "hub/rpc/call_queue.h"
#include "hub/rpc/server_call.h"

namespace coordhub::rpc {

// Methods are raw asynchronous ones: what the generated WithRawMethod_<Method> mixins set up one
// class a method, this sets up by number. The contract has no method where the client alone
// streams.
class QueuedService : public grpc::Service {
 public:
  // `descriptor` outlives it.
  explicit QueuedService(const google::protobuf::ServiceDescriptor* descriptor);

  const std::string& full_name() const { return descriptor_.full_name(); }

  // Takes calls from now on, until the queue stops. Once the server that it is registered with has
  // been built.
  void Accept(CallQueue* queue);

 protected:
  const google::protobuf::ServiceDescriptor& descriptor() const { return descriptor_; }

  // A call of a method came. On a thread of the queue's; must not block. The call is to be given a
  // reactor before this returns and, in the end, finished.
  virtual void OnUnary(int method, std::unique_ptr<UnaryServerCall> call) = 0;
  virtual void OnStream(int method, std::unique_ptr<StreamServerCall> call) = 0;

 private:
  void AcceptUnary(int method, CallQueue* queue);
  void AcceptStream(int method, CallQueue* queue);

  const google::protobuf::ServiceDescriptor& descriptor_;
  std::vector<std::string> paths_;  // gRPC keeps pointers to them
  std::vector<std::unique_ptr<Acceptor<UnaryServerCall>>> unary_;
  std::vector<std::unique_ptr<Acceptor<StreamServerCall>>> streams_;
};

}  // namespace coordhub::rpc
