#pragma once

#include <cstdint>
#include <string>

#include "hub/core/table.h"
#include "hub/core/ticket_id.h"

namespace coordhub::core::tables {

// By ticket number: 17 for T-17.
struct Tickets : PublicRecord<pb::Ticket, pb::RecordChange::kTicket, &pb::RecordChange::ticket,
                              &pb::RecordChange::mutable_ticket,
                              &pb::RecordChange::unsafe_arena_set_allocated_ticket,
                              &pb::RecordChange::unsafe_arena_release_ticket> {
  using Key = int64_t;
  static constexpr const char* kName = "ticket";
  // Archived (TICKETS_ARCHIVED): the state keeps what it must know of it in Archived.
  static constexpr bool kErasable = true;

  static Key KeyOf(const pb::Ticket& ticket) { return TicketNumber(ticket.ticket_id()); }
  static const std::string& NameOf(const pb::Ticket& ticket) { return ticket.ticket_id(); }
  static void CopyId(const pb::Ticket& from, pb::Ticket* to) {
    to->set_ticket_id(from.ticket_id());
  }
  static FacetView FacetsOf(const pb::Ticket& ticket) {
    return {.ticket_id = &ticket.ticket_id(),
            .holder = &ticket.claim().agent_id(),
            .assignee = &ticket.assignee_agent_id(),
            .labels = &ticket.labels(),
            .ticket_state = ticket.state()};
  }
  static void Stamp(const pb::Event& event, bool is_new, pb::Ticket* ticket) {
    if (is_new) {
      ticket->set_create_revision(event.revision());
      *ticket->mutable_create_time() = event.event_time();
    }
    ticket->set_mod_revision(event.revision());
    *ticket->mutable_update_time() = event.event_time();
  }
};

}  // namespace coordhub::core::tables
