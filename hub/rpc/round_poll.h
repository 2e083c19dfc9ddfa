// GetRound: one look, or a wait for the next change.

#pragma once

#include "hub/rpc/typed_service.h"

namespace coordhub::rpc {

// The round that is meant: see GetRoundRequest.round_id. Errors: ROUND_NOT_FOUND.
absl::StatusOr<const v1::Round*> FindRound(const CallScope& scope,
                                           const v1::GetRoundRequest& request,
                                           const core::View& view);

void GetRound(const UnaryCallPtr& call, const CallScope& scope, const v1::GetRoundRequest& request,
              const engine::ViewPtr& view);

}  // namespace coordhub::rpc
