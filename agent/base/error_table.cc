#include "agent/base/error_table.h"

#include <string>

namespace coordhub::base {
namespace {

constexpr std::string_view kPrefix = "ERROR_REASON_";

}  // namespace

// A switch without a default: the compiler refuses to build when error.proto gains a value that has
// no row here.
// NOLINTNEXTLINE(readability-function-size): a table.
absl::StatusCode CodeOf(pb::ErrorReason reason) {
  switch (reason) {
    case pb::ERROR_REASON_INVALID_FIELD:
    case pb::ERROR_REASON_REQUEST_ID_REUSED:
    case pb::ERROR_REASON_PAGE_TOKEN_INVALID:
    case pb::ERROR_REASON_WORKSPACE_REQUIRED:
      return absl::StatusCode::kInvalidArgument;

    case pb::ERROR_REASON_WORKSPACE_NOT_FOUND:
    case pb::ERROR_REASON_AGENT_NOT_FOUND:
    case pb::ERROR_REASON_TICKET_NOT_FOUND:
    case pb::ERROR_REASON_RESERVATION_NOT_FOUND:
    case pb::ERROR_REASON_MESSAGE_NOT_FOUND:
    case pb::ERROR_REASON_ROUND_NOT_FOUND:
    case pb::ERROR_REASON_BRANCH_NOT_FOUND:
    case pb::ERROR_REASON_LOOP_NOT_FOUND:
    case pb::ERROR_REASON_OPERATION_NOT_FOUND:
    case pb::ERROR_REASON_WORKTREE_NOT_FOUND:
    case pb::ERROR_REASON_GATE_NOT_FOUND:
      return absl::StatusCode::kNotFound;

    case pb::ERROR_REASON_AGENT_ACTIVE:
      return absl::StatusCode::kAlreadyExists;

    case pb::ERROR_REASON_TICKET_STATE:
    case pb::ERROR_REASON_TICKET_BLOCKED:
    case pb::ERROR_REASON_TICKET_NOT_DUE:
    case pb::ERROR_REASON_TICKET_ASSIGNED:
    case pb::ERROR_REASON_TICKET_CLAIMED:
    case pb::ERROR_REASON_CLAIM_SUPERSEDED:
    case pb::ERROR_REASON_DEPENDENCY_CYCLE:
    case pb::ERROR_REASON_AGENT_ENDED:
    case pb::ERROR_REASON_RESERVATION_HELD:
    case pb::ERROR_REASON_DEADLOCK:
    case pb::ERROR_REASON_ROUND_STATE:
    case pb::ERROR_REASON_TARGET_CHECKED_OUT:
    case pb::ERROR_REASON_WORKTREE_DIRTY:
    case pb::ERROR_REASON_LOOP_STATE:
    case pb::ERROR_REASON_OPERATION_STATE:
    case pb::ERROR_REASON_TICKET_ARCHIVED:
    case pb::ERROR_REASON_WORKTREE_HELD:
    case pb::ERROR_REASON_JOURNAL_TOO_NEW:
    case pb::ERROR_REASON_WORKSPACE_LOCKED:
    case pb::ERROR_REASON_STATE_DIR_UNUSABLE:
      return absl::StatusCode::kFailedPrecondition;

    case pb::ERROR_REASON_REVISION_MISMATCH:
    case pb::ERROR_REASON_PAGE_TOKEN_EXPIRED:
      return absl::StatusCode::kAborted;

    case pb::ERROR_REASON_REVISION_COMPACTED:
    case pb::ERROR_REASON_LOG_REPLACED:
      return absl::StatusCode::kOutOfRange;

    case pb::ERROR_REASON_LIMIT_REACHED:
    case pb::ERROR_REASON_OVERLOADED:
    case pb::ERROR_REASON_DISK_FULL:
    case pb::ERROR_REASON_SLOW_WATCHER:
    case pb::ERROR_REASON_QUOTA:
    case pb::ERROR_REASON_REPEATS_FULL:
      return absl::StatusCode::kResourceExhausted;

    case pb::ERROR_REASON_TOKEN_REQUIRED:
    case pb::ERROR_REASON_TOKEN_INVALID:
    case pb::ERROR_REASON_SESSION_ENDED:
      return absl::StatusCode::kUnauthenticated;

    case pb::ERROR_REASON_SESSION_REQUIRED:
    case pb::ERROR_REASON_OPERATOR_REQUIRED:
    case pb::ERROR_REASON_NOT_TICKET_OWNER:
    case pb::ERROR_REASON_NOT_ROUND_MEMBER:
      return absl::StatusCode::kPermissionDenied;

    case pb::ERROR_REASON_HUB_DRAINING:
    case pb::ERROR_REASON_HUB_UNREACHABLE:
    case pb::ERROR_REASON_REVISION_NOT_REACHED:
    case pb::ERROR_REASON_NOT_OBSERVED:
    case pb::ERROR_REASON_STATE_DIR_LOST:
      return absl::StatusCode::kUnavailable;

    case pb::ERROR_REASON_JOURNAL_DAMAGED:
      return absl::StatusCode::kDataLoss;

    case pb::ERROR_REASON_NOT_IMPLEMENTED:
      return absl::StatusCode::kUnimplemented;
    case pb::ERROR_REASON_DEADLINE_PASSED:
      return absl::StatusCode::kDeadlineExceeded;
    case pb::ERROR_REASON_CALLER_GONE:
      return absl::StatusCode::kCancelled;

    case pb::ERROR_REASON_IO_FAILED:
    case pb::ERROR_REASON_INTERNAL:
    case pb::ERROR_REASON_UNSPECIFIED:
    case pb::ErrorReason_INT_MIN_SENTINEL_DO_NOT_USE_:
    case pb::ErrorReason_INT_MAX_SENTINEL_DO_NOT_USE_:
      return absl::StatusCode::kInternal;
  }
  return absl::StatusCode::kInternal;
}

std::string_view ReasonName(pb::ErrorReason reason) {
  // The generated table of names lives as long as the process.
  const std::string& name = pb::ErrorReason_Name(reason);
  if (name.empty()) return "UNSPECIFIED";
  return std::string_view(name).substr(kPrefix.size());
}

pb::ErrorReason ReasonFromName(std::string_view name) {
  pb::ErrorReason reason = pb::ERROR_REASON_UNSPECIFIED;
  if (!pb::ErrorReason_Parse(std::string(kPrefix).append(name), &reason)) {
    return pb::ERROR_REASON_UNSPECIFIED;
  }
  return reason;
}

}  // namespace coordhub::base
