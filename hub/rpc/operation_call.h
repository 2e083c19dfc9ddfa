// Calls that are operations: they begin one, and are answered at its end.

#pragma once

#include <functional>
#include <memory>

#include "hub/operations/workspace_operations.h"
#include "hub/rpc/typed_service.h"

namespace coordhub::rpc {

// The command that begins it, as the caller's.
std::unique_ptr<core::Command> BeginCommand(const CallScope& scope, core::BeginOperation begin);

// The same for a request that may be repeated.
template <class Request>
std::unique_ptr<core::Command> BeginCommand(const CallScope& scope, const char* method,
                                            const Request& request, core::BeginOperation begin) {
  auto command = BeginCommand(scope, std::move(begin));
  command->request_id = request.request_id();
  if (!command->request_id.empty()) {
    command->fingerprint = core::RequestFingerprint(method, request);
  }
  return command;
}

// Begins the operation, or finds the one that a repeated request began. One that does not do what
// it is for is refused with its reason; else `answer` answers the call, on a thread of the
// operations or of the workspace, and must not block. The caller may go away: the operation goes
// on, and OperationService shows it. `done`, if any, is called in any case, before the answer.
using AnswerOperation = std::function<void(const operations::Ended& ended)>;
void RunOperation(const UnaryCallPtr& call, const CallScope& scope,
                  std::unique_ptr<core::Command> begin, AnswerOperation answer,
                  std::function<void()> done = nullptr);

}  // namespace coordhub::rpc
