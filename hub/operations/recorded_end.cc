#include "hub/operations/recorded_end.h"

#include <future>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "hub/core/decide/refusals.h"
#include "hub/core/operation_id.h"

namespace coordhub::operations {

std::unique_ptr<core::Command> OperationsCommand(core::CommandBody body) {
  return std::make_unique<core::Command>(
      core::Command{.caller = core::Caller::Hub("operations"), .body = std::move(body)});
}

absl::StatusOr<engine::Outcome> SubmitAndWait(engine::Workspace* workspace,
                                              core::CommandBody body) {
  // Shared: whoever answers may still be in it when we have the answer.
  const auto answered = std::make_shared<std::promise<absl::StatusOr<engine::Outcome>>>();
  workspace->Submit(OperationsCommand(std::move(body)), base::MonoTime::InfiniteFuture(),
                    [answered](absl::StatusOr<engine::Outcome> outcome) {
                      answered->set_value(std::move(outcome));
                    });
  return answered->get_future().get();
}

absl::StatusOr<v1::Operation> RecordEnd(engine::Workspace* workspace, core::EndOperation end) {
  const int64_t number = core::OperationNumber(end.operation_id);
  COORDHUB_ASSIGN_OR_RETURN(const engine::Outcome outcome,
                            SubmitAndWait(workspace, std::move(end)));
  if (!outcome.events.empty()) return outcome.events.front()->changes(0).operation();
  // It had ended before.
  const auto view = workspace->view();
  const auto* known = view->records.Find<core::tables::Operations>(number);
  return known == nullptr ? v1::Operation() : *known;
}

absl::Status StatusOfEnded(const v1::Operation& operation) {
  if (operation.state() == v1::Operation::STATE_DONE) return absl::OkStatus();
  const std::string state(core::StateName(operation.state()));
  return base::MakeError(
      v1::ERROR_REASON_OPERATION_STATE,
      absl::StrCat(operation.operation_id(), " is ", state, ": ",
                   operation.error().empty() ? operation.note() : operation.error()),
      {{"operation_id", operation.operation_id()}, {"state", state}});
}

}  // namespace coordhub::operations
