#pragma once

#include <memory>

#include "hub/rpc/typed_service.h"

namespace coordhub::rpc {

// coordhub.v1.AgentService. Its keep-alive streams are keep_alive_reactor.
class AgentService final : public TypedService {
 public:
  AgentService(std::shared_ptr<ServiceHost> host, const Gate* gate);
};

}  // namespace coordhub::rpc
