#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "hub/journal/database.h"

namespace coordhub::journal {

// The most that one slice of garbage may be: what the writer is held for then is a few milliseconds
// beside the sync. A single larger row is a slice.
inline constexpr int64_t kGarbageRows = 1024;
inline constexpr int64_t kGarbageBytes = 1 << 20;

// Deletes rows that nobody reads any more: compacted events, and values of the store that were
// erased or replaced. Some at a time, each time within a transaction of the caller's. Used by the
// writer's thread; the database must outlive it. Errors of all: those of Database::ErrorOf.
class Garbage {
 public:
  static absl::StatusOr<Garbage> Prepare(Database* database);

  // Deletes a slice. Returns whether there may be more.
  absl::StatusOr<bool> DeleteSlice(int64_t compact_revision);

 private:
  // What a slice has room for.
  struct Room {
    int64_t rows = kGarbageRows;
    int64_t bytes = kGarbageBytes;
  };

  explicit Garbage(Database* database) : database_(database) {}
  // Takes rows (id, bytes) from `list` while there is room; the last one's id, 0: none. `more`:
  // whether it was the room that ended.
  absl::StatusOr<int64_t> Fill(Statement* list, Room* room, bool* more);
  absl::Status Delete(Statement* statement, int64_t to);

  Database* database_;
  Statement list_events_;
  Statement delete_events_;
  Statement list_erased_;
  Statement delete_values_;
  Statement delete_erased_;
};

}  // namespace coordhub::journal
