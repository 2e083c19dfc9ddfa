#pragma once

#include <string>

#include "hub/core/table.h"

namespace coordhub::core::tables {

// By reservation id.
struct Reservations
    : PublicRecord<pb::Reservation, pb::RecordChange::kReservation, &pb::RecordChange::reservation,
                   &pb::RecordChange::mutable_reservation,
                   &pb::RecordChange::unsafe_arena_set_allocated_reservation,
                   &pb::RecordChange::unsafe_arena_release_reservation> {
  using Key = std::string;
  static constexpr const char* kName = "reservation";
  static constexpr bool kErasable = true;

  static const Key& KeyOf(const pb::Reservation& reservation) {
    return reservation.reservation_id();
  }
  static const std::string& NameOf(const pb::Reservation& reservation) {
    return reservation.reservation_id();
  }
  static void CopyId(const pb::Reservation& from, pb::Reservation* to) {
    to->set_reservation_id(from.reservation_id());
  }
  static FacetView FacetsOf(const pb::Reservation& reservation) {
    return {.ticket_id = &reservation.ticket_id(), .holder = &reservation.agent_id()};
  }
  static void Stamp(const pb::Event& event, bool, pb::Reservation* reservation) {
    reservation->set_mod_revision(event.revision());
  }
};

}  // namespace coordhub::core::tables
