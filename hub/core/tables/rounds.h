#pragma once

#include <cstdint>
#include <string>

#include "hub/core/round_id.h"
#include "hub/core/table.h"

namespace coordhub::core::tables {

// By number.
struct Rounds : PublicRecord<pb::Round, pb::RecordChange::kRound, &pb::RecordChange::round,
                             &pb::RecordChange::mutable_round,
                             &pb::RecordChange::unsafe_arena_set_allocated_round,
                             &pb::RecordChange::unsafe_arena_release_round> {
  using Key = int64_t;
  static constexpr const char* kName = "round";
  static constexpr bool kErasable = true;

  static Key KeyOf(const pb::Round& round) { return RoundNumber(round.round_id()); }
  static const std::string& NameOf(const pb::Round& round) { return round.round_id(); }
  static void CopyId(const pb::Round& from, pb::Round* to) { to->set_round_id(from.round_id()); }
  static FacetView FacetsOf(const pb::Round&) { return {}; }
  static void Stamp(const pb::Event& event, bool is_new, pb::Round* round) {
    if (is_new) {
      round->set_create_revision(event.revision());
      *round->mutable_create_time() = event.event_time();
    }
    round->set_mod_revision(event.revision());
  }
};

}  // namespace coordhub::core::tables
