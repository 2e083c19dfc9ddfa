#include "hub/rpc/unknown_methods.h"

#include "agent/base/error.h"
#include "hub/rpc/refused_stream.h"

namespace coordhub::rpc {

grpc::ServerGenericBidiReactor* UnknownMethods::CreateReactor(
    grpc::GenericCallbackServerContext* context) {
  return new RefusedStream<grpc::ServerGenericBidiReactor>(
      base::MakeError(base::pb::ERROR_REASON_NOT_IMPLEMENTED,
                      "there is no method " + context->method(), {{"method", context->method()}}));
}

}  // namespace coordhub::rpc
