#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "hub/journal/entry.h"

namespace coordhub::journal {

struct StoreRow {
  std::string key;
  std::string value;
};

// What a space of the store holds. `bytes`: of the values.
struct StoreSize {
  int64_t rows = 0;
  int64_t bytes = 0;
  bool operator==(const StoreSize&) const = default;
};

// Some rows of a space, in the order of their keys (bytewise).
struct StoreScan {
  Space space = Space::kText;
  // Only keys that begin with it.
  std::string prefix;
  // Only keys after this one (before it, when descending): the last one of the page before.
  std::optional<std::string> after;
  bool descending = false;
  // At most so many rows (and 1,000), and as many as fit (keys and values), but at least one if
  // there is one.
  size_t max_rows = 1000;
  size_t max_bytes = 4 << 20;
};

// Reads the store. Made by Archive::NewArchiveReader for one thread at a time; gone before its
// journal. A call sees what was durable when it began. Never blocks the writer, never checkpoints;
// blocks on the disk.
//
// Errors of all calls:
//   JOURNAL_DAMAGED  a row does not match its checksum or is missing. Metadata: file, and revision:
//                    of the event that caused it, where that is known.
//   IO_FAILED        reading failed; or the writer failed earlier, and everything is refused.
class ArchiveReader {
 public:
  virtual ~ArchiveReader() = default;

  // The value of a row; nullopt: there is none.
  virtual absl::StatusOr<std::optional<std::string>> Get(Space space, std::string_view key) = 0;

  // The values of the first keys, in their order: of as many (1,000 at most) as fit into
  // `max_bytes`, but of one at least. All from one view of the store.
  virtual absl::StatusOr<std::vector<std::optional<std::string>>> GetMany(
      Space space, absl::Span<const std::string> keys, size_t max_bytes) = 0;

  // The rows of a page; none: there are no more.
  virtual absl::StatusOr<std::vector<StoreRow>> Scan(const StoreScan& scan) = 0;
};

// Private bytes beside the events, written with the events that cause them (Entry::store): what is
// not resident in memory.
class Archive {
 public:
  virtual ~Archive() = default;

  virtual std::unique_ptr<ArchiveReader> NewArchiveReader() = 0;

  // What a space holds now, from memory. Any thread.
  virtual StoreSize store_size(Space space) const = 0;

  // Reads all rows as they were at one moment, some at a time, and checks them: each by its
  // checksum, all of them against the sizes. `between` is called between the pieces; not OK ends
  // the verification with it. Returns the number of rows. Nothing that was erased is deleted
  // meanwhile. Any one thread, beside the writer. Errors: as ArchiveReader's, those of `between`.
  virtual absl::StatusOr<int64_t> VerifyStore(const std::function<absl::Status()>& between) = 0;

  // Whether the journal was written by a release that kept no store, and CompleteStore has not
  // brought in yet what stands in events and snapshots only. Any thread.
  virtual bool store_incomplete() const = 0;

  // Puts rows into an incomplete store, durable, in transactions of a bounded size; `last`: that
  // was all of them, and the store is complete. Until then no entry with changes of the store may
  // be appended. After a kill the store is incomplete still, and all of it is done again: a row may
  // be put twice. Writer's thread. Errors: those of Append.
  virtual absl::Status CompleteStore(absl::Span<const StoreChange> puts, bool last) = 0;
};

}  // namespace coordhub::journal
