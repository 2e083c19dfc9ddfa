// Listings of conflicts between branches.

#pragma once

#include "absl/status/status.h"
#include "coordhub/v1/repository_service.pb.h"
#include "hub/rpc/typed_service.h"

namespace coordhub::rpc {

// From the records alone: what is uncommitted is not looked at. Errors: those of BeginPage.
absl::Status ListConflicts(const Reading& reading, const v1::ListConflictsRequest& request,
                           v1::ListConflictsResponse* response);

}  // namespace coordhub::rpc
