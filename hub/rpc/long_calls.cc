#include "hub/rpc/long_calls.h"

#include <memory>
#include <string>
#include <utility>

#include "agent/base/error.h"
#include "hub/operations/workspace_operations.h"

namespace coordhub::rpc {
namespace {

std::unique_ptr<core::Command> BeginCommand(const CallScope& scope, core::BeginOperation begin) {
  auto command = std::make_unique<core::Command>(core::Command{.caller = scope.MakeCaller()});
  command->client = scope.principal.client();
  command->request_bytes = begin.subject.size();
  command->body = std::move(begin);
  return command;
}

template <class Response>
void AnswerEnded(const UnaryCallPtr& call, const CallScope& scope,
                 const absl::StatusOr<operations::Ended>& ended) {
  const absl::Status status = ended.ok() ? ended->status : ended.status();
  if (!status.ok()) return call->Refuse(status);
  Response response;
  if (ended->answer != nullptr) response.CopyFrom(*ended->answer);
  *response.mutable_workspace() = scope.workspace->Describe();
  response.set_operation_id(ended->operation.operation_id());
  call->set_revision(ended->operation.mod_revision());
  call->Answer(response);
}

template <class Response>
void RunOperation(const UnaryCallPtr& call, const CallScope& scope,
                  std::unique_ptr<core::Command> begin) {
  operations::WorkspaceOperations* const operations = scope.workspace->served.operations;
  if (operations == nullptr) {
    return call->Refuse(
        base::MakeError(v1::ERROR_REASON_NOT_IMPLEMENTED, "this workspace has no operations"));
  }
  call->RefuseWhenGone();
  operations->Run(std::move(begin), call->deadline(),
                  [call, scope](const absl::StatusOr<operations::Ended>& ended) {
                    AnswerEnded<Response>(call, scope, ended);
                  });
}

}  // namespace

void BackupWorkspace(const UnaryCallPtr& call, const CallScope& scope,
                     const v1::BackupWorkspaceRequest& request) {
  auto begin =
      BeginCommand(scope, {.kind = v1::Operation::KIND_BACKUP, .subject = request.directory()});
  begin->request_id = request.request_id();
  if (!begin->request_id.empty()) {
    begin->fingerprint = core::RequestFingerprint("BackupWorkspace", request);
  }
  RunOperation<v1::BackupWorkspaceResponse>(call, scope, std::move(begin));
}

void VerifyWorkspace(const UnaryCallPtr& call, const CallScope& scope,
                     const v1::VerifyWorkspaceRequest&, const engine::ViewPtr&) {
  RunOperation<v1::VerifyWorkspaceResponse>(
      call, scope, BeginCommand(scope, {.kind = v1::Operation::KIND_VERIFY, .subject = ""}));
}

}  // namespace coordhub::rpc
