#pragma once

#include "absl/status/statusor.h"
#include "agent/base/error.h"
#include "hub/git/observation.h"
#include "hub/rpc/typed_service.h"

namespace coordhub::rpc {

// What was seen of the workspace's repository last. Errors: NOT_OBSERVED (path).
inline absl::StatusOr<git::ObservationPtr> NewestObservation(const Reading& reading) {
  const ServedWorkspace& served = reading.scope.workspace->served;
  git::ObservationPtr newest = served.observation ? served.observation() : nullptr;
  if (newest != nullptr) return newest;
  return base::MakeError(v1::ERROR_REASON_NOT_OBSERVED,
                         "the repository has not been observed yet; the loop `coordinator` tells "
                         "why if that lasts",
                         {{"path", served.common_dir}});
}

}  // namespace coordhub::rpc
