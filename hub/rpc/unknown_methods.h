#pragma once

#include "grpcpp/generic/async_generic_service.h"

namespace coordhub::rpc {

// Answers calls of methods that no service has: NOT_IMPLEMENTED, as gRPC does, but with our
// ErrorInfo.
class UnknownMethods final : public grpc::CallbackGenericService {
 public:
  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override;
};

}  // namespace coordhub::rpc
