#include "hub/rpc/convergence_service.h"

#include <utility>

#include "coordhub/v1/convergence_service.pb.h"
#include "hub/rpc/gate_calls.h"

namespace coordhub::rpc {

ConvergenceService::ConvergenceService(std::shared_ptr<ServiceHost> host, const Gate* gate)
    : TypedService(
          v1::OpenRoundRequest::descriptor()->file()->FindServiceByName("ConvergenceService"),
          std::move(host), gate) {
  BindMutation<v1::SetGateRequest>("SetGate", FromCommit(core::SetGateResponseOf));
  BindMutation<v1::DeleteGateRequest>("DeleteGate", FromCommit(core::DeleteGateResponseOf));
  BindMutation<v1::RunGateRequest>("RunGate", AnswerRunGate);
  BindRead<v1::ListGatesRequest, v1::ListGatesResponse>("ListGates", ReadCost::kWalk, ListGates);
  BindRead<v1::GetGateLogRequest, v1::GetGateLogResponse>("GetGateLog", ReadCost::kWalk,
                                                          GetGateLog);
}

}  // namespace coordhub::rpc
