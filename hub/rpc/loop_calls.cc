#include "hub/rpc/loop_calls.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/log.h"
#include "agent/base/status_macros.h"
#include "hub/loops/loop_runner.h"
#include "hub/rpc/loop_health.h"
#include "hub/rpc/paging.h"

namespace coordhub::rpc {
namespace {

absl::StatusOr<loops::LoopRunner*> RunnerFor(const CallScope& scope, const std::string& loop_id) {
  if (scope.workspace->served.loops != nullptr) return scope.workspace->served.loops;
  return base::MakeError(v1::ERROR_REASON_LOOP_NOT_FOUND,
                         absl::StrCat("there is no loop ", loop_id), {{"loop_id", loop_id}});
}

v1::Loop Named(v1::Loop loop, const UnaryCall& call, const CallScope& scope) {
  loop.set_health_service(LoopHealthName(call.host(), *scope.workspace, loop.loop_id()));
  return loop;
}

template <class Response>
void AnswerLoop(const UnaryCallPtr& call, const CallScope& scope,
                const absl::StatusOr<v1::Loop>& loop) {
  if (!loop.ok()) return call->Refuse(loop.status());
  Response response;
  *response.mutable_loop() = Named(*loop, *call, scope);
  response.set_revision(scope.engine().view()->revision);
  call->Answer(response);
}

// What the operator did to a loop outlives his terminal.
void LogCommand(const CallScope& scope, const char* what, const std::string& loop_id) {
  base::Log(base::LogLevel::kInfo, what, {{"workspace", scope.workspace->id()}, {"loop", loop_id}});
}

}  // namespace

void ListLoops(const UnaryCallPtr& call, const CallScope& scope,
               const v1::ListLoopsRequest& request, const engine::ViewPtr& view) {
  const std::string query = QueryOf(request);
  const absl::StatusOr<std::string> after = PageAfterKey(request.page_token(), query);
  if (!after.ok()) return call->Refuse(after.status());
  v1::ListLoopsResponse response;
  response.set_revision(view->revision);
  const loops::LoopRunner* const runner = scope.workspace->served.loops;
  if (runner == nullptr) return call->Answer(response);
  PageBudget budget(request.page_size());
  for (const v1::Loop& loop : runner->List()) {
    if (loop.loop_id() <= *after) continue;
    if (!budget.Look()) {
      response.set_next_page_token(
          EncodePageToken({"", 0, response.loops().rbegin()->loop_id()}, query));
      break;
    }
    *response.add_loops() = Named(loop, *call, scope);
    budget.Take(*response.loops().rbegin());
  }
  call->Answer(response);
}

void StepLoop(const UnaryCallPtr& call, const CallScope& scope,
              const v1::StepLoopRequest& request) {
  const auto runner = RunnerFor(scope, request.loop_id());
  if (!runner.ok()) return call->Refuse(runner.status());
  call->RefuseWhenGone();
  (*runner)->Step(request.loop_id(), [call, scope](const absl::StatusOr<v1::Loop>& loop) {
    AnswerLoop<v1::StepLoopResponse>(call, scope, loop);
  });
}

void PauseLoop(const UnaryCallPtr& call, const CallScope& scope,
               const v1::PauseLoopRequest& request) {
  const auto runner = RunnerFor(scope, request.loop_id());
  if (!runner.ok()) return call->Refuse(runner.status());
  const absl::StatusOr<v1::Loop> paused = (*runner)->Pause(request.loop_id());
  if (paused.ok()) LogCommand(scope, "the operator paused a loop", request.loop_id());
  AnswerLoop<v1::PauseLoopResponse>(call, scope, paused);
}

void ResumeLoop(const UnaryCallPtr& call, const CallScope& scope,
                const v1::ResumeLoopRequest& request) {
  const auto runner = RunnerFor(scope, request.loop_id());
  if (!runner.ok()) return call->Refuse(runner.status());
  const absl::StatusOr<v1::Loop> resumed = (*runner)->Resume(request.loop_id());
  if (resumed.ok()) LogCommand(scope, "the operator resumed a loop", request.loop_id());
  AnswerLoop<v1::ResumeLoopResponse>(call, scope, resumed);
}

}  // namespace coordhub::rpc
