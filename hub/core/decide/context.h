// What the functions that decide one command share.

#pragma once

#include <optional>

#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "coordhub/v1/agent.pb.h"
#include "hub/core/command.h"
#include "hub/core/draft.h"
#include "hub/core/state.h"
#include "hub/core/wait_queue.h"

namespace coordhub::core {

// One decision under way. Lives on the stack of `Decide`; everything in it outlives the decision.
struct Context {
  const State& state;
  const Caller& caller;
  const base::Now& now;
  // The live agent whose session calls; null for callers that are no session.
  const v1::Agent* self;
  // Where the command's events go.
  Draft& draft;
  // Who waits, and where in that queue the call stands.
  const Turn& turn;
  // Of the command.
  std::optional<absl::Duration> claim_timeout_default;
  // `no_work`, `wait` and `resumed` are the command's to set; the events are taken from the draft.
  Decision& decision;
};

}  // namespace coordhub::core
