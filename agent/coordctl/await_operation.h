// Waiting for the end of the hub's long work.

#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "agent/client/client.h"
#include "coordhub/v1/operation.pb.h"

namespace coordhub::coordctl {

// Blocks until the operation has ended, through restarts of the hub, and returns its record.
// `revision`: of the commit that began it. The caller's session is kept alive meanwhile.
// Errors: those of GetOperation and of a watch.
absl::StatusOr<v1::Operation> AwaitOperation(const agent::Client& client,
                                             const std::string& operation_id, int64_t revision);

}  // namespace coordhub::coordctl
