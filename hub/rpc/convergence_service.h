#pragma once

#include <memory>

#include "hub/rpc/typed_service.h"

namespace coordhub::rpc {

// coordhub.v1.ConvergenceService: rounds. What a round waits for is in its record; nobody waits for
// git here.
class ConvergenceService final : public TypedService {
 public:
  ConvergenceService(std::shared_ptr<ServiceHost> host, const Gate* gate);
};

}  // namespace coordhub::rpc
