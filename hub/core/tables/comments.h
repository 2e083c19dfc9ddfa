#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "hub/core/table.h"
#include "hub/core/ticket_id.h"

namespace coordhub::core::tables {

// By ticket number and number within the ticket.
struct Comments : PublicRecord<pb::Comment, pb::RecordChange::kComment, &pb::RecordChange::comment,
                               &pb::RecordChange::mutable_comment,
                               &pb::RecordChange::unsafe_arena_set_allocated_comment,
                               &pb::RecordChange::unsafe_arena_release_comment> {
  using Key = std::pair<int64_t, int32_t>;
  static constexpr const char* kName = "comment";
  static constexpr bool kStored = true;
  static constexpr bool kErasable = false;

  static Key KeyOf(const pb::Comment& comment) {
    return {TicketNumber(comment.ticket_id()), comment.number()};
  }
  static const std::string& NameOf(const pb::Comment& comment) { return comment.ticket_id(); }
  static void CopyId(const pb::Comment& from, pb::Comment* to) {
    to->set_ticket_id(from.ticket_id());
    to->set_number(from.number());
  }
  static FacetView FacetsOf(const pb::Comment& comment) {
    return {.ticket_id = &comment.ticket_id()};
  }
  static void Stamp(const pb::Event& event, bool, pb::Comment* comment) {
    comment->set_create_revision(event.revision());
    *comment->mutable_create_time() = event.event_time();
  }
};

}  // namespace coordhub::core::tables
