#pragma once

#include <string>

#include "hub/core/table.h"

namespace coordhub::core::tables {

// By name.
struct Gates : PublicRecord<pb::Gate, pb::RecordChange::kGate, &pb::RecordChange::gate,
                            &pb::RecordChange::mutable_gate,
                            &pb::RecordChange::unsafe_arena_set_allocated_gate,
                            &pb::RecordChange::unsafe_arena_release_gate> {
  using Key = std::string;
  static constexpr const char* kName = "gate";
  static constexpr bool kErasable = true;

  static const Key& KeyOf(const pb::Gate& gate) { return gate.gate_id(); }
  static const std::string& NameOf(const pb::Gate& gate) { return gate.gate_id(); }
  static void CopyId(const pb::Gate& from, pb::Gate* to) { to->set_gate_id(from.gate_id()); }
  static FacetView FacetsOf(const pb::Gate& gate) {
    return {.ticket_id = &gate.incident_ticket_id()};
  }
  static void Stamp(const pb::Event& event, bool, pb::Gate* gate) {
    gate->set_mod_revision(event.revision());
  }
};

}  // namespace coordhub::core::tables
