// Listings of tickets that left the state.

#pragma once

#include "coordhub/v1/ticket_service.pb.h"
#include "hub/engine/workspace.h"
#include "hub/rpc/typed_service.h"

namespace coordhub::rpc {

// Answers with a page of the tickets that were archived at the view of its listing, read from the
// store some at a time. Errors: those of BeginPage and of engine::TextStore.
void ListArchivedTickets(const UnaryCallPtr& call, const CallScope& scope,
                         const v1::ListTicketsRequest& request, engine::ViewPtr view);

}  // namespace coordhub::rpc
