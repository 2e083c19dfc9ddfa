// ListEvents.

#pragma once

#include "coordhub/v1/event_service.pb.h"
#include "hub/rpc/typed_service.h"

namespace coordhub::rpc {

// Answers one page of past events: from the broadcaster's ring, or from the journal, in the
// background, where the ring no longer reaches back. A page pins nothing: the log does not change,
// it only ends at its head or was compacted.
void ListEvents(const UnaryCallPtr& call, const CallScope& scope,
                const v1::ListEventsRequest& request);

}  // namespace coordhub::rpc
