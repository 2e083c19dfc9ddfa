#include "hub/rpc/typed_service.h"

#include <variant>

#include "agent/base/error.h"

namespace coordhub::rpc {
namespace {

// Whether the command may wait in the engine for something to happen.
bool MayWait(const core::Command& command) {
  const auto* next = std::get_if<v1::ClaimNextTicketRequest>(&command.body);
  return next != nullptr && next->has_wait();
}

std::string TicketNamedBy(const core::Command& command) {
  return std::visit(
      [](const auto& body) -> std::string {
        if constexpr (requires { std::string(body.ticket_id()); }) return body.ticket_id();
        return std::string();
      },
      command.body);
}

}  // namespace

void TypedService::Submit(const UnaryCallPtr& call, const CallScope& scope,
                          std::unique_ptr<core::Command> command, Answered answered) {
  const bool may_wait = MayWait(*command);
  engine::Workspace& engine = scope.engine();
  engine::Done done =
      [call, scope, answered = std::move(answered),
       ticket_id = TicketNamedBy(*command)](const absl::StatusOr<engine::Outcome>& outcome) {
        if (outcome.ok()) {
          call->set_revision(outcome->revision);
          answered(call, scope, *outcome);
        } else {
          call->Refuse(WithDetails(outcome.status(), scope, ticket_id));
        }
      };
  const engine::CallId id = engine.Submit(std::move(command), call->deadline(), std::move(done));
  // Others are decided within a batch, whether anyone still waits or not.
  if (may_wait) call->WhenGone([&engine, id] { engine.Cancel(id); });
}

void TypedService::PostRead(const UnaryCallPtr& call, engine::ViewPtr view, WithView read) {
  call->host().PostRead(
      [call, read = std::move(read), view = std::move(view)](const absl::Status& go) {
        if (go.ok()) {
          read(view);
        } else {
          call->Refuse(go);
        }
      });
}

void TypedService::AwaitView(const UnaryCallPtr& call, const CallScope& scope, int64_t min_revision,
                             WithView read) {
  call->RefuseWhenGone();
  scope.engine().AwaitRevision(
      min_revision, call->deadline(),
      [call, read = std::move(read)](absl::StatusOr<engine::ViewPtr> view) {
        if (!view.ok()) return call->Refuse(view.status());
        PostRead(call, *std::move(view), read);
      });
}

}  // namespace coordhub::rpc
