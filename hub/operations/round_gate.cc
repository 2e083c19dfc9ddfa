#include "hub/operations/round_gate.h"

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "hub/core/proto_time.h"

namespace coordhub::operations {

absl::StatusOr<GateVerdict> RunRoundGate(const RoundGatePlace& place, OperationContext& context,
                                         const v1::Gate& gate, const std::string& commit,
                                         int step) {
  GateRun run;
  run.command = {gate.command().begin(), gate.command().end()};
  run.timeout = core::FromProto(gate.timeout());
  run.common_dir = place.common_dir;
  run.commit = commit;
  run.scratch_dir = place.scratch_dir;
  run.id = absl::StrCat(context.operation().operation_id(), ".", step);
  run.supervisor = place.supervisor;
  run.cancelled = [&context] { return context.cancelled(); };
  COORDHUB_ASSIGN_OR_RETURN(const GateResult result, RunGate(run));
  switch (result.end) {
    case GateResult::End::kPassed:
      return GateVerdict{.passed = true, .note = ""};
    case GateResult::End::kFailed:
    case GateResult::End::kTimedOut:
      return GateVerdict{.passed = false, .note = result.note};
    case GateResult::End::kCancelled:
      return absl::CancelledError("cancelled");
    case GateResult::End::kNotRun:
      break;
  }
  return base::MakeError(v1::ERROR_REASON_IO_FAILED, result.note,
                         {{"operation", "make a tree"}, {"path", place.scratch_dir}});
}

}  // namespace coordhub::operations
