#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/status_macros.h"
#include "hub/core/decide/commands.h"
#include "hub/core/decide/refusals.h"
#include "hub/core/decide/rights.h"
#include "hub/core/limits.h"
#include "hub/core/operation_id.h"

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

absl::Status RequireRoom(const Context& context) {
  int running = 0;
  const auto& all = context.state.records().of<tables::Operations>();
  for (auto known = all.Begin(); known.Valid(); known.Next()) {
    if (known->state() == pb::Operation::STATE_RUNNING) ++running;
  }
  if (running < limits::kRunningOperations) return absl::OkStatus();
  return LimitReached("running_operations", limits::kRunningOperations,
                      absl::StrCat(limits::kRunningOperations, " operations are under way"));
}

}  // namespace

absl::Status DecideCommand(Context& context, const BeginOperation& command) {
  COORDHUB_RETURN_IF_ERROR(RequireRight(context, command.kind));
  COORDHUB_RETURN_IF_ERROR(RequireRoom(context));
  // The highest number is among the records: more that ended are kept than may run.
  const auto last = context.state.records().of<tables::Operations>().Last();
  pb::Operation operation;
  operation.set_operation_id(OperationId(last.Valid() ? last.key() + 1 : 1));
  operation.set_kind(command.kind);
  operation.set_state(pb::Operation::STATE_RUNNING);
  operation.set_actor(context.draft.actor());
  operation.set_subject(command.subject);
  context.draft.Put(context.draft.Add(pb::EVENT_KIND_OPERATION_STARTED), std::move(operation));
  return absl::OkStatus();
}

}  // namespace coordhub::core
