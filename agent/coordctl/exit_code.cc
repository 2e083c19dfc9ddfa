#include "agent/coordctl/exit_code.h"

#include "agent/base/error.h"

namespace coordhub::coordctl {

namespace pb = ::coordhub::v1;

const char kExitCodeHelp[] =
    "Exit codes:\n"
    "  0 ok   1 failed   2 usage   3 not found   4 refused or lost   5 nothing ready   6 no hub\n"
    "  7 a round is ready";

ExitCode ExitCodeFor(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return ExitCode::kOk;
    case absl::StatusCode::kInvalidArgument:
      return ExitCode::kUsage;
    case absl::StatusCode::kNotFound:
      return ExitCode::kNotFound;
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
      return ExitCode::kRefused;
    case absl::StatusCode::kUnavailable:
      // With these two the hub is there, but behind what was asked for.
      return base::ReasonOf(status) == pb::ERROR_REASON_REVISION_NOT_REACHED ||
                     base::ReasonOf(status) == pb::ERROR_REASON_NOT_OBSERVED
                 ? ExitCode::kFailed
                 : ExitCode::kNoHub;
    case absl::StatusCode::kDeadlineExceeded:
      // The hub's own refusal has a reason; without one, nobody answered.
      return base::ReasonOf(status) == pb::ERROR_REASON_UNSPECIFIED ? ExitCode::kNoHub
                                                                    : ExitCode::kFailed;
    default:
      return ExitCode::kFailed;
  }
}

}  // namespace coordhub::coordctl
