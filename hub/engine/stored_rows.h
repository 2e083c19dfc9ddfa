#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "coordhub/v1/ticket.pb.h"
#include "hub/core/store_row.h"
#include "hub/journal/entry.h"

// How records stand in the store: each behind the revision of the event that put it, 8 bytes, big
// endian. Pure; any thread.
namespace coordhub::engine {

journal::StoreChange ToStoreChange(const core::StoreRow& row);

// A record and the revision that put it.
template <class Record>
struct Stored {
  int64_t revision = 0;
  Record record;
};

// Nullopt: damaged.
template <class Record>
std::optional<Stored<Record>> FromStore(const std::string& value);

extern template std::optional<Stored<v1::TicketBody>> FromStore(const std::string& value);
extern template std::optional<Stored<v1::Comment>> FromStore(const std::string& value);
extern template std::optional<Stored<v1::Ticket>> FromStore(const std::string& value);

}  // namespace coordhub::engine
