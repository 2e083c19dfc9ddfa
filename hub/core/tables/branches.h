#pragma once

#include <string>

#include "hub/core/table.h"

namespace coordhub::core::tables {

// By name: the branches that are observed.
struct Branches : PublicRecord<pb::Branch, pb::RecordChange::kBranch, &pb::RecordChange::branch,
                               &pb::RecordChange::mutable_branch,
                               &pb::RecordChange::unsafe_arena_set_allocated_branch,
                               &pb::RecordChange::unsafe_arena_release_branch> {
  using Key = std::string;
  static constexpr const char* kName = "branch";
  static constexpr bool kErasable = true;

  static const Key& KeyOf(const pb::Branch& branch) { return branch.branch(); }
  static const std::string& NameOf(const pb::Branch& branch) { return branch.branch(); }
  static void CopyId(const pb::Branch& from, pb::Branch* to) { to->set_branch(from.branch()); }
  // Who filters for an agent sees what happens to its branch.
  static FacetView FacetsOf(const pb::Branch& branch) {
    return {.holder = &branch.owner_agent_id()};
  }
  static void Stamp(const pb::Event& event, bool, pb::Branch* branch) {
    branch->set_mod_revision(event.revision());
  }
};

}  // namespace coordhub::core::tables
