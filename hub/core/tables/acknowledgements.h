#pragma once

#include <string>
#include <utility>

#include "hub/core/table.h"

namespace coordhub::core::tables {

// By message id and recipient: one that is acknowledged costs one small record, however many there
// are.
struct Acknowledgements
    : PublicRecord<pb::Acknowledgement, pb::RecordChange::kAcknowledgement,
                   &pb::RecordChange::acknowledgement, &pb::RecordChange::mutable_acknowledgement,
                   &pb::RecordChange::unsafe_arena_set_allocated_acknowledgement,
                   &pb::RecordChange::unsafe_arena_release_acknowledgement> {
  using Key = std::pair<std::string, std::string>;
  static constexpr const char* kName = "acknowledgement";
  static constexpr bool kErasable = true;

  static Key KeyOf(const pb::Acknowledgement& ack) { return {ack.message_id(), ack.agent_id()}; }
  static std::string NameOf(const pb::Acknowledgement& ack) {
    return ack.message_id() + " by " + ack.agent_id();
  }
  static void CopyId(const pb::Acknowledgement& from, pb::Acknowledgement* to) {
    to->set_message_id(from.message_id());
    to->set_agent_id(from.agent_id());
  }
  static FacetView FacetsOf(const pb::Acknowledgement& ack) {
    return {.agent_id = &ack.agent_id()};
  }
  static void Stamp(const pb::Event& event, bool, pb::Acknowledgement* ack) {
    ack->set_mod_revision(event.revision());
  }
};

}  // namespace coordhub::core::tables
