// What the streams (watches and keep-alives) have in common.

#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "coordhub/v1/agent_service.pb.h"
#include "hub/engine/workspace.h"

namespace coordhub::rpc {

// A stream, as those see it who wake it. Its methods may come at any time, on any thread, together
// and late; none blocks, and a stream that has ended takes no notice.
class Stream {
 public:
  virtual ~Stream() = default;

  // The time that was set with StreamTimer has come.
  virtual void OnTimer() = 0;
  // A workspace begins to drain; null: all do.
  virtual void OnDrain(const engine::Workspace* workspace) = 0;

  // ---- for streams of a session, from AgentRouter ----
  // A session of the agent has ended, maybe this one.
  virtual void OnAgentEnded() = 0;
  // A session of the agent was resumed, maybe with another TTL.
  virtual void OnAgentResumed() = 0;
  // The agent's claim with this fence is over. `lost` says how; none: the agent completed, failed
  // or released it.
  using Loss = v1::LostClaim::Reason;
  virtual void OnClaimEnded(const std::string& ticket_id, int64_t fence,
                            std::optional<Loss> lost) = 0;
  // Conflicts of the agent's branch, or the round that it is in, may be others now.
  virtual void OnBranchNews() {}
  // Events went by unseen: anything of the above may have happened.
  virtual void OnEventsMissed() = 0;
};

}  // namespace coordhub::rpc
