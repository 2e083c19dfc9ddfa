#include "hub/operations/verify_kind.h"

#include <future>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/status_macros.h"
#include "coordhub/v1/hub_service.pb.h"
#include "hub/core/proto_time.h"

namespace coordhub::operations {

absl::StatusOr<OperationResult> VerifyKind::Run(OperationContext& context) {
  using Result = absl::StatusOr<engine::Workspace::VerifyResult>;
  // Shared: whoever answers may still be in it when we have the answer.
  const auto verified = std::make_shared<std::promise<Result>>();
  workspace_->Verify(
      [&context](int percent) {
        context.Progress(percent, "folds the log");
        return !context.cancelled();
      },
      [verified](Result result) { verified->set_value(std::move(result)); });
  COORDHUB_ASSIGN_OR_RETURN(const engine::Workspace::VerifyResult result,
                            verified->get_future().get());
  auto answer = std::make_shared<v1::VerifyWorkspaceResponse>();
  answer->set_verified_revision(result.revision);
  answer->set_revision(result.revision);
  answer->set_checked_events(result.checked_events);
  answer->set_digest(result.digest);
  *answer->mutable_elapsed() = core::ToProto(result.elapsed);
  answer->set_operation_id(context.operation().operation_id());
  return OperationResult{.note = absl::StrCat("up to revision ", result.revision, ", ",
                                              result.checked_events, " events"),
                         .answer = std::move(answer)};
}

Recovery VerifyKind::Recover(OperationContext&) {
  return {.state = v1::Operation::STATE_FAILED,
          .note = "",
          .error = "the hub ended while it was under way"};
}

}  // namespace coordhub::operations
