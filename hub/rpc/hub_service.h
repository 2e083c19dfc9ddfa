#pragma once

#include <memory>

#include "hub/rpc/typed_service.h"

namespace coordhub::rpc {

// coordhub.v1.HubService. What takes long runs on the workspace's maintenance
// thread; a caller that goes away gets its answer at once, and the work goes on.
class HubService final : public TypedService {
 public:
  HubService(std::shared_ptr<ServiceHost> host, const Gate* gate);
};

}  // namespace coordhub::rpc
