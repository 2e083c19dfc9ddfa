#include "hub/rpc/worktree_owners.h"

#include "hub/core/indexes.h"

namespace coordhub::rpc {

WorktreeOwners::WorktreeOwners(const core::View& view) {
  const auto& agents = view.records.of<core::tables::Agents>();
  for (auto agent = agents.Begin(); agent.Valid(); agent.Next()) {
    if (!core::IsLive(*agent) || agent->worktree().empty()) continue;
    const std::string path(core::WithoutTrailingSlashes(agent->worktree()));
    const auto [it, is_new] = first_.try_emplace(path, &*agent);
    if (!is_new && agent->fence() < it->second->fence()) it->second = &*agent;
  }
}

void WorktreeOwners::SetOwner(v1::Worktree* worktree) const {
  const auto it = first_.find(worktree->path());
  if (it != first_.end()) worktree->set_owner_agent_id(it->second->agent_id());
}

}  // namespace coordhub::rpc
