// A gRPC service made from its descriptor.

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "google/protobuf/descriptor.h"
#include "grpcpp/impl/service_type.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "hub/rpc/gate.h"
#include "hub/rpc/service_host.h"
#include "hub/rpc/unary_call.h"

namespace coordhub::rpc {

// Who may call a method at all. (What a session may do to which ticket is hub/core's to say.)
enum class Access { kEveryone, kSession, kOperator };

// One service at one listening server. It has every method of the descriptor from the start; those
// that no subclass binds authenticate their caller and answer NOT_IMPLEMENTED. So there is no way
// into the hub that forgets to ask who calls.
//
// Methods are raw callback methods: what the generated WithRawCallbackMethod_<Method> mixins set up
// one class a method, this sets up by name. Bound during construction; afterwards any thread.
class BoundService : public grpc::Service {
 public:
  // `host` and `gate` outlive all calls.
  BoundService(const google::protobuf::ServiceDescriptor* descriptor,
               std::shared_ptr<ServiceHost> host, const Gate* gate);

  const std::string& full_name() const { return descriptor_.full_name(); }

 protected:
  // Gets a call whose caller is known, and the request's bytes for as long as it runs.
  using UnaryHandler =
      std::function<void(const std::shared_ptr<UnaryCall>& call, const grpc::ByteBuffer& request)>;
  using WriteReactor = grpc::ServerWriteReactor<grpc::ByteBuffer>;
  using WriteHandler =
      std::function<WriteReactor*(grpc::CallbackServerContext* context, const Principal& principal,
                                  const grpc::ByteBuffer& request)>;
  using BidiReactor = grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>;
  using BidiHandler =
      std::function<BidiReactor*(grpc::CallbackServerContext* context, const Principal& principal)>;

  void BindUnary(const char* method, Access access, UnaryHandler handler);
  void BindServerStream(const char* method, Access access, WriteHandler handler);
  void BindBidiStream(const char* method, Access access, BidiHandler handler);

  const std::shared_ptr<ServiceHost>& host() const { return host_; }
  const Gate& gate() const { return gate_; }

 private:
  // A method and what it does; without a handler: it is not implemented.
  struct Slot {
    const google::protobuf::MethodDescriptor* method = nullptr;
    std::string path;  // gRPC keeps a pointer to it
    Access access = Access::kEveryone;
    UnaryHandler unary;
    WriteHandler server_stream;
    BidiHandler bidi_stream;
  };

  // Makes gRPC's handler for a method, which looks into the slot call by call.
  grpc::internal::MethodHandler* MakeHandler(const Slot& slot) const;
  Slot& SlotOf(const char* method);
  void RunUnary(const Slot& slot, const std::shared_ptr<UnaryCall>& call,
                const grpc::CallbackServerContext& context, const grpc::ByteBuffer& request) const;
  // The caller, if it may call. Errors: Gate's, SESSION_REQUIRED, OPERATOR_REQUIRED.
  absl::StatusOr<Principal> Admit(const Slot& slot,
                                  const grpc::CallbackServerContext& context) const;

  const google::protobuf::ServiceDescriptor& descriptor_;
  const std::shared_ptr<ServiceHost> host_;
  const Gate& gate_;
  std::vector<Slot> slots_;  // by the method's index
};

}  // namespace coordhub::rpc
