#include "agent/base/status_macros.h"
#include "hub/core/decide/commands.h"
#include "hub/core/decide/operations.h"
#include "hub/core/decide/refusals.h"
#include "hub/core/decide/rights.h"

namespace coordhub::core {
namespace {

// Whether such a caller may ask for such work. What concerns the hub as a whole is the operator's.
absl::Status RequireRight(const Context& context, pb::Operation::Kind kind) {
  if (IsTrusted(context.caller)) return absl::OkStatus();
  switch (kind) {
    case pb::Operation::KIND_CREATE_WORKTREE:
    case pb::Operation::KIND_REMOVE_WORKTREE:
    case pb::Operation::KIND_INTEGRATE:
    case pb::Operation::KIND_GATE:
      return absl::OkStatus();
    default:
      return OperatorRequired("begin such an operation");
  }
}

}  // namespace

absl::Status DecideCommand(Context& context, const BeginOperation& command) {
  COORDHUB_RETURN_IF_ERROR(RequireRight(context, command.kind));
  return AddOperation(context, command).status();
}

}  // namespace coordhub::core
