#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "hub/journal/checksum.h"
#include "hub/journal/database.h"
#include "hub/journal/journal.h"

// The database of a journal: its schema, its `meta` row, its rows of events. FORMAT.md rules.
namespace coordhub::journal {

// The columns of an event, in the order in which SelectEvents and the tables have them.
inline constexpr char kEventColumns[] = "revision, commit_revision, event, private, checksum";

// The row of `meta`.
struct Meta {
  std::string written_by;
  std::string log_id;
  bool restored = false;
  int64_t compact_revision = 0;
  Checksum compact_checksum = kGenesis;
};

// Builds an empty journal in a new file, synced and closed, in SQLite's rollback mode. Removes it
// again on errors. Errors: DISK_FULL, IO_FAILED.
absl::Status CreateJournalFile(const std::string& path, const Meta& meta);

// Checks that a database is a journal that this build reads, and reads its `meta`.
// Errors: JOURNAL_DAMAGED (file), JOURNAL_TOO_NEW (file, format, written_by), IO_FAILED.
absl::StatusOr<Meta> ReadMeta(Database* database);

// Replaces `meta`, within the caller's transaction if there is one. Errors: those of
// Database::ErrorOf.
absl::Status WriteMeta(Database* database, const Meta& meta);

// The log of `meta` and the end of the chain in a database.
struct Tail {
  int64_t head = 0;
  Checksum checksum = kGenesis;
};

// Reads the end of the log and checks the last event.
// Errors: JOURNAL_DAMAGED (file, revision), IO_FAILED.
absl::StatusOr<Tail> ReadTail(Database* database, const Meta& meta);

// Inserts events as they are appended, one row for each. Not thread-safe; `database` must outlive
// it.
class EventInserter {
 public:
  static absl::StatusOr<EventInserter> Prepare(Database* database);

  // Within the caller's transaction. Returns the entry's checksum. Errors: those of
  // Database::ErrorOf.
  absl::StatusOr<Checksum> Insert(const Entry& entry, const Checksum& previous);

 private:
  EventInserter(Database* database, Statement insert)
      : database_(database), insert_(std::move(insert)) {}

  Database* database_;
  Statement insert_;
  ChainHasher hasher_;
};

}  // namespace coordhub::journal
