#pragma once

#include <string>

#include "hub/core/table.h"

namespace coordhub::core::tables {

// By message id. Without the text, which is kept in the store.
struct Messages : PublicRecord<pb::Message, pb::RecordChange::kMessage, &pb::RecordChange::message,
                               &pb::RecordChange::mutable_message,
                               &pb::RecordChange::unsafe_arena_set_allocated_message,
                               &pb::RecordChange::unsafe_arena_release_message> {
  using Key = std::string;
  static constexpr const char* kName = "message";
  static constexpr bool kErasable = true;

  static const Key& KeyOf(const pb::Message& message) { return message.message_id(); }
  static const std::string& NameOf(const pb::Message& message) { return message.message_id(); }
  static void CopyId(const pb::Message& from, pb::Message* to) {
    to->set_message_id(from.message_id());
  }
  static FacetView FacetsOf(const pb::Message& message) {
    return {.ticket_id = &message.ticket_id(), .holder = &message.sender()};
  }
  static void Stamp(const pb::Event& event, bool is_new, pb::Message* message) {
    if (is_new) message->set_create_revision(event.revision());
  }
};

}  // namespace coordhub::core::tables
