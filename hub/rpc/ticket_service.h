#pragma once

#include <memory>

#include "hub/rpc/typed_service.h"

namespace coordhub::rpc {

// coordhub.v1.TicketService. What its commands do is decided in hub/core/decide.
class TicketService final : public TypedService {
 public:
  TicketService(std::shared_ptr<ServiceHost> host, const Gate* gate);
};

}  // namespace coordhub::rpc
