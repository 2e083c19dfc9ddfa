#pragma once

#include <map>
#include <string>

#include "coordhub/v1/repository.pb.h"
#include "hub/core/records.h"

namespace coordhub::rpc {

// The live agents of one view by the worktree that they registered, those that began first. Walks
// over all agents. Points into the view.
class WorktreeOwners {
 public:
  explicit WorktreeOwners(const core::View& view);
  // Sets `owner_agent_id`, if it has one.
  void SetOwner(v1::Worktree* worktree) const;

 private:
  std::map<std::string, const v1::Agent*> first_;
};

}  // namespace coordhub::rpc
