// The reads of TicketService.

#pragma once

#include "absl/status/status.h"
#include "coordhub/v1/ticket_service.pb.h"
#include "hub/rpc/typed_service.h"

namespace coordhub::rpc {

// Errors: TICKET_NOT_FOUND.
absl::Status GetTicket(const Reading& reading, const v1::GetTicketRequest& request,
                       v1::GetTicketResponse* response);

// Errors: those of BeginPage.
absl::Status ListTickets(const Reading& reading, const v1::ListTicketsRequest& request,
                         v1::ListTicketsResponse* response);

}  // namespace coordhub::rpc
