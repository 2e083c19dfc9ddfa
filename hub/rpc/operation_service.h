#pragma once

#include <memory>

#include "hub/rpc/typed_service.h"

namespace coordhub::rpc {

// coordhub.v1.OperationService: the records of long work, and the wish that it stop.
class OperationService final : public TypedService {
 public:
  OperationService(std::shared_ptr<ServiceHost> host, const Gate* gate);
};

}  // namespace coordhub::rpc
