#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "hub/journal/checksum.h"
#include "hub/journal/database.h"
#include "hub/journal/journal.h"

namespace coordhub::journal {

// Up to where events were compacted, and the checksum from which the chain goes on.
struct CompactMark {
  int64_t revision = 0;
  Checksum checksum = kGenesis;
};

// Reads it, within the caller's transaction. Errors: JOURNAL_DAMAGED (file), IO_FAILED.
absl::StatusOr<CompactMark> ReadCompactMark(Database* database);

// Reads a journal's database over a connection of its own, and checks everything that it reads.
// Calls stand between Begin and End, which give them one view of the file; such a transaction
// should read no more than 1,000 events, because the write-ahead log cannot be reset meanwhile. Not
// thread-safe. Errors of all: JOURNAL_DAMAGED (file, revision), IO_FAILED.
class EventReader {
 public:
  static absl::StatusOr<std::unique_ptr<EventReader>> Open(const std::string& path);

  absl::Status Begin();
  void End();

  absl::StatusOr<CompactMark> ReadMark();

  // The checksum of an event, which is not older than `mark`.
  absl::StatusOr<Checksum> ChecksumAt(int64_t revision, const CompactMark& mark);

  // Events `after` < revision <= `to`, all of which must be there, until `max_bytes` would be
  // exceeded (but at least one).
  struct Range {
    int64_t after = 0;
    int64_t to = 0;
    size_t max_bytes = SIZE_MAX;
  };
  // Appends them to `entries`. `previous` is the checksum of the event `after`; returns that of the
  // last one appended.
  absl::StatusOr<Checksum> ReadEvents(const Range& range, Checksum previous,
                                      std::vector<Entry>* entries);

  const std::string& path() const { return database_->path(); }

 private:
  explicit EventReader(std::unique_ptr<Database> database) : database_(std::move(database)) {}
  absl::Status PrepareAll();
  // The error for a result other than SQLITE_ROW where the event `revision` should come.
  absl::Status NoRow(int rc, int64_t revision);

  const std::unique_ptr<Database> database_;
  Statement begin_;
  Statement end_;
  Statement mark_;
  Statement checksum_;
  Statement events_;
  ChainHasher hasher_;
};

// Begin and End of a reader as a scope.
template <class Reader>
class ReadTransaction {
 public:
  explicit ReadTransaction(Reader* reader) : reader_(*reader), status_(reader->Begin()) {}
  ReadTransaction(const ReadTransaction&) = delete;
  ReadTransaction& operator=(const ReadTransaction&) = delete;
  ~ReadTransaction() {
    if (status_.ok()) reader_.End();
  }
  const absl::Status& status() const { return status_; }

 private:
  Reader& reader_;
  const absl::Status status_;
};

}  // namespace coordhub::journal
