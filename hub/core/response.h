// The answer to a mutation, read from the events of its commit: the same for the call that caused
// them and for one that repeats its request_id, however much later.
//
// Pure; any thread. `events` are all of the commit and never empty; a decision without events (a
// resume that says nothing new, ClaimNextTicket without work) is answered from a view. What no
// event holds is left for the caller to fill: `session_token`, `claims`, `body`.

#pragma once

#include <memory>
#include <span>

#include "coordhub/v1/agent_service.pb.h"
#include "coordhub/v1/convergence_service.pb.h"
#include "coordhub/v1/event.pb.h"
#include "coordhub/v1/operation_service.pb.h"
#include "coordhub/v1/ticket_service.pb.h"

namespace coordhub::core {

using CommitEvents = std::span<const std::shared_ptr<const v1::Event>>;

// Not filled: `session_token`, `claims`.
v1::RegisterAgentResponse RegisterAgentResponseOf(CommitEvents events);
v1::DeregisterAgentResponse DeregisterAgentResponseOf(CommitEvents events);
v1::CreateTicketResponse CreateTicketResponseOf(CommitEvents events);
v1::BatchCreateTicketsResponse BatchCreateTicketsResponseOf(CommitEvents events);
v1::UpdateTicketResponse UpdateTicketResponseOf(CommitEvents events);
// Not filled: `body`.
v1::ClaimTicketResponse ClaimTicketResponseOf(CommitEvents events);
// Not filled: `body`.
v1::ClaimNextTicketResponse ClaimNextTicketResponseOf(CommitEvents events);
v1::ReleaseTicketResponse ReleaseTicketResponseOf(CommitEvents events);
v1::CompleteTicketResponse CompleteTicketResponseOf(CommitEvents events);
v1::FailTicketResponse FailTicketResponseOf(CommitEvents events);
v1::CancelTicketResponse CancelTicketResponseOf(CommitEvents events);
v1::ReopenTicketResponse ReopenTicketResponseOf(CommitEvents events);
v1::AddCommentResponse AddCommentResponseOf(CommitEvents events);
v1::CancelOperationResponse CancelOperationResponseOf(CommitEvents events);
v1::OpenRoundResponse OpenRoundResponseOf(CommitEvents events);
v1::DeclareReadyResponse DeclareReadyResponseOf(CommitEvents events);
v1::WithdrawReadyResponse WithdrawReadyResponseOf(CommitEvents events);
v1::CancelRoundResponse CancelRoundResponseOf(CommitEvents events);
v1::IntegrateRoundResponse IntegrateRoundResponseOf(CommitEvents events);
v1::SetGateResponse SetGateResponseOf(CommitEvents events);
// The gate without what an erased record does not have: its id.
v1::DeleteGateResponse DeleteGateResponseOf(CommitEvents events);
v1::RunGateResponse RunGateResponseOf(CommitEvents events);

}  // namespace coordhub::core
