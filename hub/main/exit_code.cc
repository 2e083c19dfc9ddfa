#include "hub/main/exit_code.h"

#include "agent/base/error.h"

namespace coordhub::hub {

ExitCode ExitCodeOf(const absl::Status& status) {
  if (status.ok()) return kOk;
  switch (base::ReasonOf(status)) {
    case v1::ERROR_REASON_INVALID_FIELD:
    case v1::ERROR_REASON_WORKSPACE_NOT_FOUND:
      return kUsage;
    case v1::ERROR_REASON_HUB_UNREACHABLE:
      return kNoHub;
    default:
      return status.code() == absl::StatusCode::kFailedPrecondition ? kRefused : kFailed;
  }
}

}  // namespace coordhub::hub
