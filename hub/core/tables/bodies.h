#pragma once

#include <cstdint>
#include <string>

#include "hub/core/table.h"
#include "hub/core/ticket_id.h"

namespace coordhub::core::tables {

// By ticket number.
struct Bodies : PublicRecord<pb::TicketBody, pb::RecordChange::kTicketBody,
                             &pb::RecordChange::ticket_body, &pb::RecordChange::mutable_ticket_body,
                             &pb::RecordChange::unsafe_arena_set_allocated_ticket_body,
                             &pb::RecordChange::unsafe_arena_release_ticket_body> {
  using Key = int64_t;
  static constexpr const char* kName = "ticket body";
  static constexpr bool kStored = true;
  static constexpr bool kErasable = false;

  static Key KeyOf(const pb::TicketBody& body) { return TicketNumber(body.ticket_id()); }
  static const std::string& NameOf(const pb::TicketBody& body) { return body.ticket_id(); }
  static void CopyId(const pb::TicketBody& from, pb::TicketBody* to) {
    to->set_ticket_id(from.ticket_id());
  }
  static FacetView FacetsOf(const pb::TicketBody& body) { return {.ticket_id = &body.ticket_id()}; }
  static void Stamp(const pb::Event&, bool, pb::TicketBody*) {}
};

}  // namespace coordhub::core::tables
