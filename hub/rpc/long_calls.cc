#include "hub/rpc/long_calls.h"

#include <utility>

#include "hub/rpc/operation_call.h"

namespace coordhub::rpc {
namespace {

template <class Response>
AnswerOperation AnswerWithWorkspace(const UnaryCallPtr& call, const CallScope& scope) {
  return [call, scope](const operations::Ended& ended) {
    Response response;
    if (ended.answer != nullptr) response.CopyFrom(*ended.answer);
    *response.mutable_workspace() = scope.workspace->Describe();
    response.set_operation_id(ended.operation.operation_id());
    call->Answer(response);
  };
}

}  // namespace

void BackupWorkspace(const UnaryCallPtr& call, const CallScope& scope,
                     const v1::BackupWorkspaceRequest& request) {
  RunOperation(call, scope,
               BeginCommand(scope, "BackupWorkspace", request,
                            {.kind = v1::Operation::KIND_BACKUP, .subject = request.directory()}),
               AnswerWithWorkspace<v1::BackupWorkspaceResponse>(call, scope));
}

void VerifyWorkspace(const UnaryCallPtr& call, const CallScope& scope,
                     const v1::VerifyWorkspaceRequest&, const engine::ViewPtr&) {
  RunOperation(call, scope,
               BeginCommand(scope, {.kind = v1::Operation::KIND_VERIFY, .subject = ""}),
               AnswerWithWorkspace<v1::VerifyWorkspaceResponse>(call, scope));
}

}  // namespace coordhub::rpc
