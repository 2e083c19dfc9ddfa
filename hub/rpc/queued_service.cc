#include "hub/rpc/queued_service.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "grpcpp/impl/rpc_service_method.h"

namespace coordhub::rpc {
namespace {

using google::protobuf::MethodDescriptor;
using grpc::internal::RpcMethod;

RpcMethod::RpcType TypeOf(const MethodDescriptor& method) {
  if (method.client_streaming()) return RpcMethod::BIDI_STREAMING;
  return method.server_streaming() ? RpcMethod::SERVER_STREAMING : RpcMethod::NORMAL_RPC;
}

}  // namespace

QueuedService::QueuedService(const google::protobuf::ServiceDescriptor* descriptor)
    : descriptor_(*descriptor) {
  paths_.reserve(static_cast<size_t>(descriptor_.method_count()));
  for (int i = 0; i < descriptor_.method_count(); ++i) {
    const MethodDescriptor& method = *descriptor_.method(i);
    paths_.push_back(absl::StrCat("/", descriptor_.full_name(), "/", method.name()));
    AddMethod(new grpc::internal::RpcServiceMethod(paths_.back().c_str(), TypeOf(method), nullptr));
    MarkMethodRaw(i);
  }
}

void QueuedService::Accept(CallQueue* queue) {
  for (int i = 0; i < descriptor_.method_count(); ++i) {
    if (TypeOf(*descriptor_.method(i)) == RpcMethod::NORMAL_RPC) {
      AcceptUnary(i, queue);
    } else {
      AcceptStream(i, queue);
    }
  }
}

void QueuedService::AcceptUnary(int method, CallQueue* queue) {
  unary_.push_back(std::make_unique<Acceptor<UnaryServerCall>>(
      queue,
      [this, method, queue](UnaryServerCall* call, Completion* came) {
        RequestAsyncUnary(method, &call->context(), &call->request(), &call->responder(),
                          queue->get(), queue->get(), came);
      },
      [this, method](std::unique_ptr<UnaryServerCall> call) { OnUnary(method, std::move(call)); }));
}

void QueuedService::AcceptStream(int method, CallQueue* queue) {
  const bool client_streams = descriptor_.method(method)->client_streaming();
  streams_.push_back(std::make_unique<Acceptor<StreamServerCall>>(
      queue,
      [this, method, client_streams, queue](StreamServerCall* call, Completion* came) {
        if (client_streams) {
          RequestAsyncBidiStreaming(method, &call->context(), &call->responder(), queue->get(),
                                    queue->get(), came);
        } else {
          RequestAsyncServerStreaming(method, &call->context(), &call->request(),
                                      &call->responder(), queue->get(), queue->get(), came);
        }
      },
      [this, method](std::unique_ptr<StreamServerCall> call) {
        OnStream(method, std::move(call));
      }));
}

}  // namespace coordhub::rpc
