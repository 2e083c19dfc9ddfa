#include "agent/client/retry_policy.h"

#include "agent/base/error.h"

namespace coordhub::agent {

namespace pb = ::coordhub::v1;

bool RetryPolicy::Retryable(const absl::Status& status) const {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
      // Git cannot be read, perhaps for ever: for the caller to decide.
      return base::ReasonOf(status) != pb::ERROR_REASON_NOT_OBSERVED;
    case absl::StatusCode::kResourceExhausted:
      switch (base::ReasonOf(status)) {
        case pb::ERROR_REASON_OVERLOADED:
          return retry_overloaded;
        case pb::ERROR_REASON_DISK_FULL:
          return retry_disk_full;
        default:
          return false;
      }
    default:
      return false;
  }
}

bool IsPermanentStreamError(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kUnimplemented:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kDataLoss:
      return true;
    default:
      return false;
  }
}

}  // namespace coordhub::agent
