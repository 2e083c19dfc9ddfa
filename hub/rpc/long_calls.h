// Calls of HubService that are operations, and wait for their end.

#pragma once

#include "hub/rpc/typed_service.h"

namespace coordhub::rpc {

// The caller may go away: the operation goes on, and OperationService shows it.
void BackupWorkspace(const UnaryCallPtr& call, const CallScope& scope,
                     const v1::BackupWorkspaceRequest& request);
void VerifyWorkspace(const UnaryCallPtr& call, const CallScope& scope,
                     const v1::VerifyWorkspaceRequest& request, const engine::ViewPtr& view);

}  // namespace coordhub::rpc
