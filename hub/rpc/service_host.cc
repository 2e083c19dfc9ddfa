#include "hub/rpc/service_host.h"

#include <algorithm>
#include <utility>

namespace coordhub::rpc {

v1::Workspace HostedWorkspace::Describe() const {
  v1::Workspace description = served.workspace->Describe();
  description.set_common_dir(served.common_dir);
  description.set_state_dir(served.state_dir);
  description.set_watchers(watches);
  if (served.mirror_problem) description.set_mirror_problem(served.mirror_problem());
  description.set_log_dir(served.log_dir);
  return description;
}

ServiceHost::ServiceHost(ServerOptions options)
    : options_(std::move(options)),
      start_time_(options_.clock->Wall()),
      streams_(static_cast<size_t>(options_.max_streams)),
      timer_(options_.clock, options_.clock_is_manual),
      unread_answers_(
          std::make_shared<UnreadAnswers>(&timer_, options_.clock, options_.slow_watcher_timeout)) {
  for (const ServedWorkspace& served : options_.workspaces) {
    workspaces_.push_back(std::make_unique<HostedWorkspace>(served, options_.clock));
  }
  std::sort(workspaces_.begin(), workspaces_.end(),
            [](const auto& a, const auto& b) { return a->id() < b->id(); });
}

ServiceHost::~ServiceHost() { Close(); }

HostedWorkspace* ServiceHost::Find(std::string_view workspace_id) const {
  for (const auto& workspace : workspaces_) {
    if (workspace->id() == workspace_id) return workspace.get();
  }
  return nullptr;
}

bool ServiceHost::Drain() {
  const bool began = !draining_.exchange(true);
  for (const auto& workspace : workspaces_) {
    workspace->engine().Drain();
    if (workspace->served.loops != nullptr) workspace->served.loops->Drain();
  }
  return began;
}

void ServiceHost::Close() {
  for (const auto& workspace : workspaces_) workspace->router.Stop();
  timer_.Stop();
  reads_.Stop();
  git_reads_.Stop();
}

std::shared_ptr<ServiceHost> MakeServiceHost(ServerOptions options) {
  auto host = std::make_shared<ServiceHost>(std::move(options));
  for (const auto& workspace : host->workspaces()) {
    // The workspace keeps the callback for its life, which is longer than the host's.
    engine::Workspace* drained = &workspace->engine();
    drained->OnDrain([weak = std::weak_ptr<ServiceHost>(host), drained] {
      if (const auto alive = weak.lock()) alive->streams().TellDrain(drained);
    });
  }
  return host;
}

}  // namespace coordhub::rpc
