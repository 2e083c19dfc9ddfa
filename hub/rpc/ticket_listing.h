// Listings of tickets in the state; archived_listing.h has those of the others.

#pragma once

#include "absl/status/status.h"
#include "coordhub/v1/ticket_service.pb.h"
#include "hub/rpc/typed_service.h"

namespace coordhub::rpc {

// Whether the ticket is one that the request asks for, wherever it is.
bool Matches(const v1::ListTicketsRequest& request, const v1::Ticket& ticket);

// Errors: those of BeginPage.
absl::Status ListTickets(const Reading& reading, const v1::ListTicketsRequest& request,
                         v1::ListTicketsResponse* response);

}  // namespace coordhub::rpc
