#include "hub/rpc/bound_service.h"

#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/log.h"
#include "agent/base/status_macros.h"
#include "grpcpp/impl/codegen/server_callback_handlers.h"
#include "grpcpp/impl/rpc_service_method.h"
#include "hub/core/decide/refusals.h"
#include "hub/rpc/call_log.h"
#include "hub/rpc/refused_stream.h"

namespace coordhub::rpc {
namespace {

using google::protobuf::MethodDescriptor;
using grpc::ByteBuffer;
using grpc::CallbackServerContext;
using grpc::internal::RpcMethod;
using grpc::internal::RpcServiceMethod;

RpcMethod::RpcType TypeOf(const MethodDescriptor& method) {
  if (method.client_streaming()) {
    return method.server_streaming() ? RpcMethod::BIDI_STREAMING : RpcMethod::CLIENT_STREAMING;
  }
  return method.server_streaming() ? RpcMethod::SERVER_STREAMING : RpcMethod::NORMAL_RPC;
}

absl::Status NotImplemented(const MethodDescriptor& method) {
  return base::MakeError(base::pb::ERROR_REASON_NOT_IMPLEMENTED,
                         absl::StrCat(method.name(), " is not implemented by this version"),
                         {{"method", method.name()}});
}

}  // namespace

BoundService::BoundService(const google::protobuf::ServiceDescriptor* descriptor,
                           std::shared_ptr<ServiceHost> host, const Gate* gate)
    : descriptor_(*descriptor),
      host_(std::move(host)),
      gate_(*gate),
      slots_(static_cast<size_t>(descriptor->method_count())) {
  for (Slot& slot : slots_) {
    slot.method = descriptor_.method(static_cast<int>(&slot - slots_.data()));
    slot.path = absl::StrCat("/", descriptor_.full_name(), "/", slot.method->name());
    AddMethod(new RpcServiceMethod(slot.path.c_str(), TypeOf(*slot.method), nullptr));
    MarkMethodRawCallback(slot.method->index(), MakeHandler(slot));
  }
}

grpc::internal::MethodHandler* BoundService::MakeHandler(const Slot& slot) const {
  switch (TypeOf(*slot.method)) {
    case RpcMethod::SERVER_STREAMING:
      return new grpc::internal::CallbackServerStreamingHandler<ByteBuffer, ByteBuffer>(
          [this, &slot](CallbackServerContext* context,
                        const ByteBuffer* request) -> WriteReactor* {
            const auto principal = Admit(slot, *context);
            if (principal.ok()) return slot.server_stream(context, *principal, *request);
            LogCall({.method = slot.method->name()}, principal.status());
            return new RefusedStream<WriteReactor>(principal.status());
          });
    case RpcMethod::BIDI_STREAMING:
      return new grpc::internal::CallbackBidiHandler<ByteBuffer, ByteBuffer>(
          [this, &slot](CallbackServerContext* context) -> BidiReactor* {
            const auto principal = Admit(slot, *context);
            if (principal.ok()) return slot.bidi_stream(context, *principal);
            LogCall({.method = slot.method->name()}, principal.status());
            return new RefusedStream<BidiReactor>(principal.status());
          });
    default:  // the contract has no client streams
      return new grpc::internal::CallbackUnaryHandler<ByteBuffer, ByteBuffer>(
          [this, &slot](CallbackServerContext* context, const ByteBuffer* request,
                        ByteBuffer* response) -> grpc::ServerUnaryReactor* {
            const auto call = UnaryCall::Start(host_, &gate_, context, response);
            RunUnary(slot, call, *context, *request);
            return call.get();  // freed only once gRPC has bound it and is done with it
          });
  }
}

BoundService::Slot& BoundService::SlotOf(const char* method) {
  const MethodDescriptor* found = descriptor_.FindMethodByName(method);
  if (found == nullptr) {
    base::Log(base::LogLevel::kError, "bound to a method that the contract does not have",
              {{"service", full_name()}, {"method", method}});
    std::abort();
  }
  return slots_[static_cast<size_t>(found->index())];
}

absl::StatusOr<Principal> BoundService::Admit(const Slot& slot,
                                              const CallbackServerContext& context) const {
  COORDHUB_ASSIGN_OR_RETURN(Principal principal, gate_.Authenticate(context.client_metadata()));
  if (slot.access == Access::kSession && principal.is_operator()) {
    return core::SessionRequired(absl::StrCat("call ", slot.method->name()));
  }
  if (slot.access == Access::kOperator && !principal.is_operator()) {
    return core::OperatorRequired(absl::StrCat("call ", slot.method->name()));
  }
  if (!slot.unary && !slot.server_stream && !slot.bidi_stream) return NotImplemented(*slot.method);
  return principal;
}

void BoundService::RunUnary(const Slot& slot, const std::shared_ptr<UnaryCall>& call,
                            const CallbackServerContext& context, const ByteBuffer& request) const {
  call->set_method(slot.method->name());
  absl::StatusOr<Principal> principal = Admit(slot, context);
  if (!principal.ok()) return call->Refuse(principal.status());
  call->set_principal(*std::move(principal));
  slot.unary(call, request);
}

void BoundService::BindUnary(const char* method, Access access, UnaryHandler handler) {
  Slot& slot = SlotOf(method);
  slot.access = access;
  slot.unary = std::move(handler);
}

void BoundService::BindServerStream(const char* method, Access access, WriteHandler handler) {
  Slot& slot = SlotOf(method);
  slot.access = access;
  slot.server_stream = std::move(handler);
}

void BoundService::BindBidiStream(const char* method, Access access, BidiHandler handler) {
  Slot& slot = SlotOf(method);
  slot.access = access;
  slot.bidi_stream = std::move(handler);
}

}  // namespace coordhub::rpc
