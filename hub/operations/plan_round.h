#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "agent/base/clock.h"
#include "coordhub/v1/convergence_service.pb.h"
#include "hub/core/records.h"

namespace coordhub::operations {

// Where a plan is made.
struct PlanPlace {
  std::string common_dir;
  // Empty: bare.
  std::string main_worktree;
};

// What integrating the round would do: PlanIntegrationResponse without its revision. Merges in
// memory: nothing of it is left behind. Blocks, for not much longer than until `late`: what is
// found by then is told. Any thread. Errors: those of git::Integrator.
absl::StatusOr<v1::PlanIntegrationResponse> PlanRound(const core::View& view,
                                                      const v1::Round& round,
                                                      const PlanPlace& place,
                                                      const base::Clock& clock,
                                                      base::MonoTime late);

}  // namespace coordhub::operations
