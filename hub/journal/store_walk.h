#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "hub/journal/database.h"
#include "hub/journal/event_reader.h"
#include "hub/journal/store_writer.h"

namespace coordhub::journal {

// A journal's database at one moment: what a copy or a check of it is about.
struct Extent {
  CompactMark mark;
  int64_t head = 0;
  StoreSizes sizes;
  // Of the rows of the store, those that were erased and not yet deleted among them.
  int64_t last_id = 0;
};

// Goes through all rows of the store as they were at an extent, though the writer goes on: a few at
// a time, so that the write-ahead log can be reset meanwhile. Garbage must not be deleted from
// before Settle to the end. Everything is checked. Not thread-safe.
// Errors of all: JOURNAL_DAMAGED (file, revision where known), IO_FAILED.
class StoreWalk {
 public:
  struct Row {
    int64_t revision;
    Space space;
    std::string_view key;
    std::string_view value;
  };
  using Sink = std::function<absl::Status(const Row&)>;

  static absl::StatusOr<std::unique_ptr<StoreWalk>> Open(const std::string& path);

  absl::StatusOr<Extent> Settle();

  // Gives out the next rows of the extent; false: there were no more, and all of them come to its
  // sizes. Errors: those of `sink`, too.
  absl::StatusOr<bool> Next(const Extent& extent, const Sink& sink);

  // Rows given out.
  int64_t rows() const { return rows_; }

 private:
  explicit StoreWalk(std::unique_ptr<Database> database) : database_(std::move(database)) {}
  absl::Status PrepareAll();
  absl::StatusOr<Extent> ReadExtent();
  absl::StatusOr<bool> NextWithin(const Extent& extent, const Sink& sink);
  // Checks the row that the statement stands on, and gives it out if the extent has it.
  absl::Status Take(const Extent& extent, const Sink& sink);
  absl::Status CheckSizes(const Extent& extent) const;

  const std::unique_ptr<Database> database_;
  Statement begin_;
  Statement end_;
  Statement rows_after_;
  int64_t last_id_ = 0;
  int64_t rows_ = 0;
  StoreSizes seen_{};
};

}  // namespace coordhub::journal
