#include "hub/core/response.h"

namespace coordhub::core {
namespace {

namespace pb = coordhub::v1;

// The first event is the one that the command is about; those of other tickets that it moves
// follow.
template <class Response>
Response TicketResponseOf(CommitEvents events) {
  Response response;
  *response.mutable_ticket() = events.front()->changes(0).ticket();
  response.set_revision(events.back()->revision());
  return response;
}

// The round as the commit leaves it: what is derived comes after what was asked for.
template <class Response>
Response RoundResponseOf(CommitEvents events) {
  Response response;
  for (const auto& event : events) {
    for (const pb::RecordChange& change : event->changes()) {
      if (change.has_round() && !change.erased()) *response.mutable_round() = change.round();
    }
  }
  response.set_revision(events.back()->revision());
  return response;
}

// The operation that the commit began; empty: none.
std::string OperationBegunBy(CommitEvents events) {
  for (const auto& event : events) {
    if (event->kind() == pb::EVENT_KIND_OPERATION_STARTED) {
      return event->changes(0).operation().operation_id();
    }
  }
  return {};
}

}  // namespace

pb::RegisterAgentResponse RegisterAgentResponseOf(CommitEvents events) {
  // A session that was taken over ends first, and an old record may be forgotten first.
  const pb::Event& last = *events.back();
  pb::RegisterAgentResponse response;
  *response.mutable_agent() = last.changes(0).agent();
  response.set_resumed(last.kind() == pb::EVENT_KIND_AGENT_RESUMED);
  response.set_revision(last.revision());
  return response;
}

pb::DeregisterAgentResponse DeregisterAgentResponseOf(CommitEvents events) {
  // Claims and sub-agents end before the agent does.
  pb::DeregisterAgentResponse response;
  *response.mutable_agent() = events.back()->changes(0).agent();
  response.set_revision(events.back()->revision());
  for (const auto& event : events) {
    if (event->kind() != pb::EVENT_KIND_TICKET_RELEASED) continue;
    response.add_released_ticket_ids(event->changes(0).ticket().ticket_id());
  }
  return response;
}

pb::CreateTicketResponse CreateTicketResponseOf(CommitEvents events) {
  return TicketResponseOf<pb::CreateTicketResponse>(events);
}

pb::BatchCreateTicketsResponse BatchCreateTicketsResponseOf(CommitEvents events) {
  pb::BatchCreateTicketsResponse response;
  for (const auto& event : events) {
    if (event->kind() != pb::EVENT_KIND_TICKET_CREATED) continue;
    *response.add_tickets() = event->changes(0).ticket();
  }
  response.set_revision(events.back()->revision());
  return response;
}

pb::UpdateTicketResponse UpdateTicketResponseOf(CommitEvents events) {
  return TicketResponseOf<pb::UpdateTicketResponse>(events);
}

pb::ClaimTicketResponse ClaimTicketResponseOf(CommitEvents events) {
  return TicketResponseOf<pb::ClaimTicketResponse>(events);
}

pb::ClaimNextTicketResponse ClaimNextTicketResponseOf(CommitEvents events) {
  return TicketResponseOf<pb::ClaimNextTicketResponse>(events);
}

pb::ReleaseTicketResponse ReleaseTicketResponseOf(CommitEvents events) {
  return TicketResponseOf<pb::ReleaseTicketResponse>(events);
}

pb::CompleteTicketResponse CompleteTicketResponseOf(CommitEvents events) {
  auto response = TicketResponseOf<pb::CompleteTicketResponse>(events);
  for (const auto& event : events) {
    if (event->kind() != pb::EVENT_KIND_TICKET_UNBLOCKED) continue;
    response.add_unblocked_ticket_ids(event->changes(0).ticket().ticket_id());
  }
  return response;
}

pb::FailTicketResponse FailTicketResponseOf(CommitEvents events) {
  return TicketResponseOf<pb::FailTicketResponse>(events);
}

pb::CancelTicketResponse CancelTicketResponseOf(CommitEvents events) {
  return TicketResponseOf<pb::CancelTicketResponse>(events);
}

pb::ReopenTicketResponse ReopenTicketResponseOf(CommitEvents events) {
  return TicketResponseOf<pb::ReopenTicketResponse>(events);
}

pb::AddCommentResponse AddCommentResponseOf(CommitEvents events) {
  pb::AddCommentResponse response;
  *response.mutable_comment() = events.front()->changes(0).comment();
  response.set_revision(events.back()->revision());
  return response;
}

pb::CancelOperationResponse CancelOperationResponseOf(CommitEvents events) {
  pb::CancelOperationResponse response;
  *response.mutable_operation() = events.front()->changes(0).operation();
  response.set_revision(events.back()->revision());
  return response;
}

pb::OpenRoundResponse OpenRoundResponseOf(CommitEvents events) {
  return RoundResponseOf<pb::OpenRoundResponse>(events);
}

pb::DeclareReadyResponse DeclareReadyResponseOf(CommitEvents events) {
  return RoundResponseOf<pb::DeclareReadyResponse>(events);
}

pb::WithdrawReadyResponse WithdrawReadyResponseOf(CommitEvents events) {
  return RoundResponseOf<pb::WithdrawReadyResponse>(events);
}

pb::CancelRoundResponse CancelRoundResponseOf(CommitEvents events) {
  return RoundResponseOf<pb::CancelRoundResponse>(events);
}

pb::IntegrateRoundResponse IntegrateRoundResponseOf(CommitEvents events) {
  auto response = RoundResponseOf<pb::IntegrateRoundResponse>(events);
  response.set_operation_id(OperationBegunBy(events));
  return response;
}

pb::SetGateResponse SetGateResponseOf(CommitEvents events) {
  pb::SetGateResponse response;
  *response.mutable_gate() = events.front()->changes(0).gate();
  response.set_revision(events.back()->revision());
  return response;
}

pb::DeleteGateResponse DeleteGateResponseOf(CommitEvents events) {
  pb::DeleteGateResponse response;
  *response.mutable_gate() = events.front()->changes(0).gate();
  response.set_revision(events.back()->revision());
  return response;
}

pb::RunGateResponse RunGateResponseOf(CommitEvents events) {
  pb::RunGateResponse response;
  response.set_operation_id(OperationBegunBy(events));
  response.set_revision(events.back()->revision());
  return response;
}

}  // namespace coordhub::core
