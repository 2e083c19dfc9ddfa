#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace coordhub::core {

// What an event of a decision changes in the store: private bytes that are not kept in memory, and
// are there exactly when the event is.
struct StoreRow {
  enum class Space {
    // Bodies of tickets (ticket), comments (ticket, comment): serialized records.
    kText,
    // Tickets that left the state (ticket): serialized records.
    kTicket,
  };

  // Of the event.
  int64_t revision = 0;
  Space space = Space::kText;
  // Numbers, none negative; rows are in the order of them.
  std::vector<int64_t> key;
  // What the row holds from then on. A body that was taken away is an empty one.
  std::string value;
};

}  // namespace coordhub::core
