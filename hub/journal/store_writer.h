#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <iterator>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "hub/journal/archive.h"
#include "hub/journal/checksum.h"
#include "hub/journal/database.h"

// The rows of the store in a journal's database. FORMAT.md says how they lie.
namespace coordhub::journal {

// By space, in the order of kSpaces.
using StoreSizes = std::array<StoreSize, std::size(kSpaces)>;

inline bool IsSpace(int64_t number) { return number >= 1 && number <= std::ssize(kSpaces); }
inline size_t IndexOf(Space space) { return static_cast<size_t>(space) - 1; }

// Reads the sizes that the writer keeps. Errors: JOURNAL_DAMAGED (file), IO_FAILED.
absl::StatusOr<StoreSizes> ReadStoreSizes(Database* database);

// Changes the store within the caller's transactions. Used by one thread, but for `size`; the
// database must outlive it. Errors of all: those of Database::ErrorOf.
class StoreWriter {
 public:
  static absl::StatusOr<std::unique_ptr<StoreWriter>> Prepare(Database* database);

  // Makes the changes that the event `revision` causes, in order. What is erased or replaced stays
  // as garbage until DeleteGarbage of garbage.h.
  absl::Status Apply(absl::Span<const StoreChange> changes, int64_t revision);
  // Last in a transaction: brings the sizes on disk up to date.
  absl::Status Finish();
  // After the transaction: it is durable, or nothing of it is. Committed says whether garbage came
  // of it.
  bool Committed();
  void RolledBack();

  // Durable. Any thread.
  StoreSize size(Space space) const;

 private:
  struct Row {
    int64_t id = 0;  // 0: there is none
    int64_t bytes = 0;
  };
  struct AtomicSize {
    std::atomic<int64_t> rows{0};
    std::atomic<int64_t> bytes{0};
  };

  explicit StoreWriter(Database* database) : database_(database) {}
  absl::Status PrepareAll();
  absl::Status Step(Statement* statement, const char* what);
  absl::StatusOr<Row> Find(const StoreChange& change);
  absl::Status Put(const StoreChange& change, int64_t revision);
  absl::Status Erase(const Row& row, int64_t revision);

  Database* const database_;
  Statement find_;
  Statement put_;
  Statement index_;
  Statement erase_;
  Statement drop_;
  Statement write_size_;
  // Never reused while the journal is open.
  int64_t next_id_ = 1;
  bool erased_ = false;
  // With the changes of the transaction under way, and without.
  StoreSizes sizes_{};
  StoreSizes durable_{};
  std::array<AtomicSize, std::size(kSpaces)> shown_;
};

}  // namespace coordhub::journal
