#pragma once

#include <memory>

#include "hub/rpc/typed_service.h"

namespace coordhub::rpc {

// coordhub.v1.RepositoryService: what was observed of git. Answers from the records and from the
// newest observation; nobody waits for git.
class RepositoryService final : public TypedService {
 public:
  RepositoryService(std::shared_ptr<ServiceHost> host, const Gate* gate);
};

}  // namespace coordhub::rpc
