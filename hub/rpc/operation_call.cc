#include "hub/rpc/operation_call.h"

#include <utility>

#include "agent/base/error.h"

namespace coordhub::rpc {

std::unique_ptr<core::Command> BeginCommand(const CallScope& scope, core::BeginOperation begin) {
  auto command = std::make_unique<core::Command>(core::Command{.caller = scope.MakeCaller()});
  command->client = scope.principal.client();
  command->request_bytes = begin.subject.size();
  command->body = std::move(begin);
  return command;
}

void RunOperation(const UnaryCallPtr& call, const CallScope& scope,
                  std::unique_ptr<core::Command> begin, AnswerOperation answer,
                  std::function<void()> done) {
  operations::WorkspaceOperations* const operations = scope.workspace->served.operations;
  if (operations == nullptr) {
    if (done) done();
    return call->Refuse(
        base::MakeError(v1::ERROR_REASON_NOT_IMPLEMENTED, "this workspace has no operations"));
  }
  call->RefuseWhenGone();
  operations->Run(std::move(begin), call->deadline(),
                  [call, answer = std::move(answer),
                   done = std::move(done)](const absl::StatusOr<operations::Ended>& ended) {
                    if (done) done();
                    const absl::Status status = ended.ok() ? ended->status : ended.status();
                    if (!status.ok()) return call->Refuse(status);
                    call->set_revision(ended->operation.mod_revision());
                    answer(*ended);
                  });
}

}  // namespace coordhub::rpc
