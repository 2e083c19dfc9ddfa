#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "hub/core/table.h"

namespace coordhub::core::tables {

// Tickets that left the state, by block of ticket numbers; a block without any has no record.
struct Archived : PrivateRecord<jpb::ArchivedTickets, jpb::SnapshotRecord::kArchived,
                                &jpb::SnapshotRecord::archived,
                                &jpb::SnapshotRecord::unsafe_arena_set_allocated_archived,
                                &jpb::SnapshotRecord::unsafe_arena_release_archived> {
  using Key = int64_t;
  static constexpr const char* kName = "archived tickets";
  static constexpr bool kErasable = false;
  // Ticket numbers of one record, which is copied when one of them changes.
  static constexpr int64_t kNumbers = 4096;

  static Key BlockOf(int64_t number) { return number / kNumbers; }
  static Key KeyOf(const jpb::ArchivedTickets& block) { return block.block(); }
  static std::string NameOf(const jpb::ArchivedTickets& block) {
    return std::to_string(block.block());
  }

  static bool Has(const std::string& bits, int64_t number) {
    const auto at = static_cast<size_t>(number % kNumbers);
    return at / 8 < bits.size() &&
           ((static_cast<unsigned char>(bits[at / 8]) >> (at % 8)) & 1) != 0;
  }
  static void Set(int64_t number, std::string* bits) {
    const auto at = static_cast<size_t>(number % kNumbers);
    if (bits->size() <= at / 8) bits->resize(at / 8 + 1);
    (*bits)[at / 8] = static_cast<char>((*bits)[at / 8] | (1 << (at % 8)));
  }
};

}  // namespace coordhub::core::tables
