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
  // Of the file; WriteMeta writes this build's.
  int64_t format = 0;
  std::string written_by;
  std::string log_id;
  bool restored = false;
  int64_t compact_revision = 0;
  Checksum compact_checksum = kGenesis;
  // The store has everything that events and snapshots say is there.
  bool store_complete = true;
};

// The tables of the store, new in format 2.
extern const char kStoreSchema[];
inline constexpr char kAddStoreComplete[] =
    "ALTER TABLE meta ADD COLUMN store_complete INTEGER NOT NULL DEFAULT 0;";

// Builds an empty journal in a new file, synced and closed, in SQLite's rollback mode. Removes it
// again on errors. Errors: DISK_FULL, IO_FAILED.
absl::Status CreateJournalFile(const std::string& path, const Meta& meta);

// Checks that a database is a journal that this build reads, of this format or an older one, and
// reads its `meta`.
// Errors: JOURNAL_DAMAGED (file), JOURNAL_TOO_NEW (file, format, written_by), IO_FAILED.
absl::StatusOr<Meta> ReadMeta(Database* database);

// Replaces `meta`, within the caller's transaction if there is one. Errors: those of
// Database::ErrorOf.
absl::Status WriteMeta(Database* database, const Meta& meta);

// The checksum of the event `revision`, which must end a commit.
// Errors: JOURNAL_DAMAGED (file, revision), IO_FAILED.
absl::StatusOr<Checksum> ReadBoundary(Database* database, int64_t revision);

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
