// Calls of RepositoryService that make and remove worktrees: operations, answered at their end.

#pragma once

#include "hub/rpc/typed_service.h"

namespace coordhub::rpc {

void CreateWorktree(const UnaryCallPtr& call, const CallScope& scope,
                    const v1::CreateWorktreeRequest& request);
void RemoveWorktree(const UnaryCallPtr& call, const CallScope& scope,
                    const v1::RemoveWorktreeRequest& request);

}  // namespace coordhub::rpc
