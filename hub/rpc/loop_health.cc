#include "hub/rpc/loop_health.h"

#include "absl/strings/str_cat.h"
#include "agent/base/string_view.h"

namespace coordhub::rpc {

std::string LoopHealthName(const ServiceHost& host, const HostedWorkspace& workspace,
                           std::string_view loop_id) {
  const std::string scope =
      host.workspaces().size() == 1 ? std::string() : absl::StrCat(workspace.id(), ".");
  return absl::StrCat("coordhub.loop.", scope, base::ToAbsl(loop_id));
}

bool IsServing(v1::Loop::State state) {
  return state != v1::Loop::STATE_STALLED && state != v1::Loop::STATE_FAILED;
}

LoopHealth::LoopHealth(const ServiceHost* host, const HostedWorkspace* workspace,
                       HealthService* health)
    : host_(*host), workspace_(*workspace), health_(*health) {
  // So that the names are known from the start; the runner then says what changes.
  for (const v1::Loop& loop : workspace_.served.loops->List()) OnLoop(loop);
  workspace_.served.loops->Subscribe(this);
}

LoopHealth::~LoopHealth() { workspace_.served.loops->Unsubscribe(this); }

void LoopHealth::OnLoop(const v1::Loop& loop) {
  health_.SetServing(LoopHealthName(host_, workspace_, loop.loop_id()), IsServing(loop.state()));
}

}  // namespace coordhub::rpc
