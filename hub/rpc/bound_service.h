// A service of ours, and who may call it.

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "coordhub/v1/access.pb.h"
#include "google/protobuf/descriptor.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "hub/rpc/gate.h"
#include "hub/rpc/queued_service.h"
#include "hub/rpc/server_call.h"
#include "hub/rpc/service_host.h"
#include "hub/rpc/unary_call.h"

namespace coordhub::rpc {

// One service at one listening server. It has every method of the descriptor from the start, and
// lets in whom the contract says (access.proto); those that no subclass binds answer them
// NOT_IMPLEMENTED. So there is no way into the hub that forgets to ask who calls. (What a session
// may do to which ticket is hub/core's to say.) Bound during construction; afterwards any thread.
class BoundService : public QueuedService {
 public:
  // `host` and `gate` outlive all calls.
  BoundService(const google::protobuf::ServiceDescriptor* descriptor,
               std::shared_ptr<ServiceHost> host, const Gate* gate);

 protected:
  // Gets a call whose caller is known, and the request's bytes for as long as it runs.
  using UnaryHandler =
      std::function<void(const std::shared_ptr<UnaryCall>& call, const grpc::ByteBuffer& request)>;
  // Gets a stream whose caller is known; where only the server streams, with its request.
  using StreamHandler =
      std::function<void(std::unique_ptr<StreamServerCall> call, const Principal& principal)>;

  void BindUnary(const char* method, UnaryHandler handler);
  void BindStream(const char* method, StreamHandler handler);

  const std::shared_ptr<ServiceHost>& host() const { return host_; }
  const Gate& gate() const { return gate_; }

 private:
  // A method and what it does; without a handler: it is not implemented.
  struct Slot {
    const google::protobuf::MethodDescriptor* method = nullptr;
    v1::Access access = v1::ACCESS_UNSPECIFIED;
    UnaryHandler unary;
    StreamHandler stream;
  };

  void OnUnary(int method, std::unique_ptr<UnaryServerCall> call) override;
  void OnStream(int method, std::unique_ptr<StreamServerCall> call) override;

  Slot& SlotOf(const char* method);
  // The caller, if it may call. Errors: Gate's, SESSION_REQUIRED, OPERATOR_REQUIRED.
  absl::StatusOr<Principal> Admit(const Slot& slot, const grpc::ServerContext& context) const;

  const std::shared_ptr<ServiceHost> host_;
  const Gate& gate_;
  std::vector<Slot> slots_;  // by the method's index
};

}  // namespace coordhub::rpc
