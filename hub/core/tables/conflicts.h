#pragma once

#include <string>
#include <utility>

#include "hub/core/table.h"

namespace coordhub::core::tables {

// By the two branches, the lesser name first.
struct Conflicts : PublicRecord<pb::Conflict, pb::RecordChange::kConflict,
                                &pb::RecordChange::conflict, &pb::RecordChange::mutable_conflict,
                                &pb::RecordChange::unsafe_arena_set_allocated_conflict,
                                &pb::RecordChange::unsafe_arena_release_conflict> {
  using Key = std::pair<std::string, std::string>;
  static constexpr const char* kName = "conflict";
  static constexpr bool kErasable = true;

  static Key KeyOf(const pb::Conflict& conflict) {
    return {conflict.branch_a(), conflict.branch_b()};
  }
  static std::string NameOf(const pb::Conflict& conflict) {
    return conflict.branch_a() + " and " + conflict.branch_b();
  }
  static void CopyId(const pb::Conflict& from, pb::Conflict* to) {
    to->set_branch_a(from.branch_a());
    to->set_branch_b(from.branch_b());
  }
  // Who filters for an agent sees the conflicts of its branch.
  static FacetView FacetsOf(const pb::Conflict& conflict) {
    return {.holder = &conflict.owner_a_agent_id(), .assignee = &conflict.owner_b_agent_id()};
  }
  static void Stamp(const pb::Event& event, bool, pb::Conflict* conflict) {
    conflict->set_mod_revision(event.revision());
  }
};

}  // namespace coordhub::core::tables
