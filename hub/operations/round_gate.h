// The gate of a round, as its integration asks for it.

#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "coordhub/v1/convergence.pb.h"
#include "hub/operations/gate_runner.h"
#include "hub/operations/integrate_kind.h"
#include "hub/operations/operation_kind.h"

namespace coordhub::operations {

// Where it runs; see GateRun.
struct RoundGatePlace {
  std::string common_dir;
  std::string scratch_dir;
  std::vector<std::string> supervisor = GateRun().supervisor;
};

// Runs the gate on a commit that exists in the repository; what it writes is added to the log of
// the operation. For IntegrateKind::Options::run_gate. Blocks. Errors: CANCELLED, when the
// operation is; IO_FAILED (there was no tree); those of RunGate.
absl::StatusOr<GateVerdict> RunRoundGate(const RoundGatePlace& place, OperationContext& context,
                                         const v1::Gate& gate, const std::string& commit, int step);

}  // namespace coordhub::operations
