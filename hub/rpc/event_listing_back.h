// ListEvents from the newest event back.

#pragma once

#include "hub/rpc/typed_service.h"

namespace coordhub::rpc {

// Answers the call with one page, as ListEvents does, on threads for reads.
void ListEventsBack(const UnaryCallPtr& call, const CallScope& scope,
                    const v1::ListEventsRequest& request);

}  // namespace coordhub::rpc
