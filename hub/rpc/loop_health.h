// What grpc.health.v1 says of the loops.

#pragma once

#include <string>
#include <string_view>

#include "hub/loops/loop_runner.h"
#include "hub/rpc/health_service.h"
#include "hub/rpc/service_host.h"

namespace coordhub::rpc {

// A loop's name in health: `coordhub.loop.monitor`; in a hub of several workspaces
// `coordhub.loop.<workspace_id>.monitor`. The same at every address of the hub.
std::string LoopHealthName(const ServiceHost& host, const HostedWorkspace& workspace,
                           std::string_view loop_id);

// NOT_SERVING while STALLED or FAILED.
bool IsServing(v1::Loop::State state);

// Keeps one server's health as one workspace's loops are, for as long as it lives.
class LoopHealth final : public loops::LoopListener {
 public:
  // None is owned; all outlive it. `workspace` has loops.
  LoopHealth(const ServiceHost* host, const HostedWorkspace* workspace, HealthService* health);
  // Blocks until health is told nothing more.
  ~LoopHealth() override;
  LoopHealth(const LoopHealth&) = delete;
  LoopHealth& operator=(const LoopHealth&) = delete;

  // On the runner's thread.
  void OnLoop(const v1::Loop& loop) override;

 private:
  const ServiceHost& host_;
  const HostedWorkspace& workspace_;
  HealthService& health_;
};

}  // namespace coordhub::rpc
