#pragma once

#include <string>

#include "hub/core/table.h"

namespace coordhub::core::tables {

// By agent id.
struct Agents : PublicRecord<pb::Agent, pb::RecordChange::kAgent, &pb::RecordChange::agent,
                             &pb::RecordChange::mutable_agent,
                             &pb::RecordChange::unsafe_arena_set_allocated_agent,
                             &pb::RecordChange::unsafe_arena_release_agent> {
  using Key = std::string;
  static constexpr const char* kName = "agent";
  static constexpr bool kErasable = true;

  static const Key& KeyOf(const pb::Agent& agent) { return agent.agent_id(); }
  static const std::string& NameOf(const pb::Agent& agent) { return agent.agent_id(); }
  static void CopyId(const pb::Agent& from, pb::Agent* to) { to->set_agent_id(from.agent_id()); }
  static FacetView FacetsOf(const pb::Agent& agent) {
    return {.agent_id = &agent.agent_id(), .labels = &agent.labels(), .agent_state = agent.state()};
  }
  static void Stamp(const pb::Event& event, bool is_new, pb::Agent* agent) {
    if (is_new) agent->set_create_revision(event.revision());
    agent->set_mod_revision(event.revision());
  }
};

}  // namespace coordhub::core::tables
