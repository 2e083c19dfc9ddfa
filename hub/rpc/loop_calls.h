// The calls of HubService that are about loops.

#pragma once

#include "coordhub/v1/hub_service.pb.h"
#include "hub/rpc/typed_service.h"

namespace coordhub::rpc {

// Each answers its call. A workspace without loops has none to find.
void ListLoops(const UnaryCallPtr& call, const CallScope& scope,
               const v1::ListLoopsRequest& request, const engine::ViewPtr& view);
void StepLoop(const UnaryCallPtr& call, const CallScope& scope, const v1::StepLoopRequest& request);
void PauseLoop(const UnaryCallPtr& call, const CallScope& scope,
               const v1::PauseLoopRequest& request);
void ResumeLoop(const UnaryCallPtr& call, const CallScope& scope,
                const v1::ResumeLoopRequest& request);

}  // namespace coordhub::rpc
