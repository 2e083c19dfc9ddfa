// GetTicket: a ticket of the state or of the archive, with its texts.

#pragma once

#include "coordhub/v1/ticket_service.pb.h"
#include "hub/engine/workspace.h"
#include "hub/rpc/typed_service.h"

namespace coordhub::rpc {

// Answers with the ticket as the view shows it, or a later one: its body and comments are those of
// the revision that the answer names. Errors: TICKET_NOT_FOUND, those of engine::TextStore.
void GetTicket(const UnaryCallPtr& call, const CallScope& scope,
               const v1::GetTicketRequest& request, engine::ViewPtr view);

}  // namespace coordhub::rpc
