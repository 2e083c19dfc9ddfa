// The calls of ConvergenceService about gates.

#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "coordhub/v1/convergence_service.pb.h"
#include "hub/rpc/typed_service.h"

namespace coordhub::rpc {

// The run is in the log; who does it is told now, also by a repeat.
absl::StatusOr<v1::RunGateResponse> AnswerRunGate(const Committed& committed);

absl::Status ListGates(const Reading& reading, const v1::ListGatesRequest& request,
                       v1::ListGatesResponse* response);

// Reads a file.
absl::Status GetGateLog(const Reading& reading, const v1::GetGateLogRequest& request,
                        v1::GetGateLogResponse* response);

}  // namespace coordhub::rpc
