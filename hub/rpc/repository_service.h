#pragma once

#include <memory>

#include "hub/rpc/typed_service.h"

namespace coordhub::rpc {

// coordhub.v1.RepositoryService: what was observed of git, answered from the records and from the
// newest observation, so that nobody waits for git; and worktrees that are made and removed.
class RepositoryService final : public TypedService {
 public:
  RepositoryService(std::shared_ptr<ServiceHost> host, const Gate* gate);
};

}  // namespace coordhub::rpc
