#include <utility>

#include "absl/strings/str_cat.h"
#include "hub/core/decide/commands.h"
#include "hub/core/decide/operations.h"
#include "hub/core/decide/refusals.h"
#include "hub/core/decide/rights.h"
#include "hub/core/operation_id.h"

namespace coordhub::core {
namespace {

bool MayCancel(const Context& context, const pb::Operation& operation) {
  if (IsTrusted(context.caller)) return true;
  return context.self != nullptr && context.self->agent_id() == operation.actor();
}

}  // namespace

// The wish is an event of its own; who does the work sees it, and says how it ended.
absl::Status DecideCommand(Context& context, const pb::CancelOperationRequest& request) {
  const auto* operation =
      context.draft.Find<tables::Operations>(OperationNumber(request.operation_id()));
  if (operation == nullptr) return OperationNotFound(request.operation_id());
  if (!MayCancel(context, *operation)) {
    return OperatorRequired("cancel an operation that is not its own");
  }
  if (operation->state() != pb::Operation::STATE_RUNNING) return OperationEnded(*operation);
  pb::Operation asked = *operation;
  asked.set_note(NoteLine(absl::StrCat("asked to stop by ", context.draft.actor())));
  context.draft.Put(context.draft.Add(pb::EVENT_KIND_OPERATION_CHANGED, request.reason()),
                    std::move(asked));
  return absl::OkStatus();
}

}  // namespace coordhub::core
