#include "hub/journal/journal_file.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "agent/base/string_view.h"
#include "hub/journal/errors.h"
#include "hub/journal/file_system.h"
#include "hub/journal/require.h"
#include "hub/journal/sqlite_journal.h"

namespace coordhub::journal {
namespace {

constexpr int64_t kApplicationId = 0x63687562;

constexpr char kSchema[] = R"(
CREATE TABLE meta(id INTEGER PRIMARY KEY CHECK(id = 1), format INTEGER NOT NULL, written_by TEXT NOT NULL,
                  log_id TEXT NOT NULL, restored INTEGER NOT NULL, compact_revision INTEGER NOT NULL,
                  compact_checksum BLOB NOT NULL, checksum BLOB NOT NULL) STRICT;
CREATE TABLE events(revision INTEGER PRIMARY KEY, commit_revision INTEGER NOT NULL, event BLOB NOT NULL,
                    private BLOB, checksum BLOB NOT NULL) STRICT;
)";

Checksum ChecksumOf(const Meta& meta) {
  std::string bytes;
  AppendBigEndian(static_cast<uint64_t>(meta.format), &bytes);
  AppendBigEndian(meta.restored ? 1 : 0, &bytes);
  AppendBigEndian(static_cast<uint64_t>(meta.compact_revision), &bytes);
  bytes += BytesOf(meta.compact_checksum);
  AppendBigEndian(meta.log_id.size(), &bytes);
  bytes += meta.log_id;
  AppendBigEndian(meta.written_by.size(), &bytes);
  bytes += meta.written_by;
  if (meta.format >= 2) AppendBigEndian(meta.store_complete ? 1 : 0, &bytes);
  return Shorten(base::Sha256(bytes));
}

absl::Status BuildSchema(const std::string& path, const Meta& meta) {
  COORDHUB_ASSIGN_OR_RETURN(std::unique_ptr<Database> database,
                            Database::Open(path, Database::Access::kReadWrite));
  // A file that is not finished is thrown away, so nothing of it need be synced before the end.
  COORDHUB_RETURN_IF_ERROR(database->Execute(
      "PRAGMA page_size=4096; PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF; BEGIN"));
  COORDHUB_RETURN_IF_ERROR(database->Execute(
      absl::StrCat("PRAGMA application_id=", kApplicationId, "; PRAGMA user_version=",
                   kFormatVersion, ";", kSchema, kAddStoreComplete, kStoreSchema)
          .c_str()));
  COORDHUB_RETURN_IF_ERROR(WriteMeta(database.get(), meta));
  return database->Execute("COMMIT");
}

// Whose file it is, and of which format, by SQLite's own header fields.
absl::StatusOr<int64_t> ReadFormat(Database* database) {
  COORDHUB_ASSIGN_OR_RETURN(const int64_t application, database->QueryInt("PRAGMA application_id"));
  COORDHUB_ASSIGN_OR_RETURN(const int64_t format, database->QueryInt("PRAGMA user_version"));
  if (application != kApplicationId || format < 1) {
    return Damaged(database->path(), "the file header is not that of a journal");
  }
  return format;
}

absl::StatusOr<Checksum> ReadChecksum(Database* database, Statement* row, int column) {
  const std::optional<Checksum> checksum = ChecksumFrom(row->Bytes(column));
  if (!checksum) return Damaged(database->path(), "the meta row has a malformed checksum");
  return *checksum;
}

// The end of the chain, from a statement that stands on the last event; the one before it comes
// next.
absl::StatusOr<Tail> CheckLastEvent(Database* database, const Meta& meta, Statement* newest) {
  const Entry last{newest->Int(0),
                   newest->Int(1),
                   std::string(newest->Bytes(2)),
                   std::string(newest->Bytes(3)),
                   {}};
  const std::optional<Checksum> stored = ChecksumFrom(newest->Bytes(4));
  std::optional<Checksum> previous = meta.compact_checksum;
  if (last.revision > meta.compact_revision + 1) {
    const int rc = newest->Step();
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
      return database->ErrorOf(rc, "read the last event");
    }
    if (rc == SQLITE_DONE || newest->Int(0) != last.revision - 1) {
      return DamagedAt(database->path(), last.revision - 1, "the event is missing");
    }
    previous = ChecksumFrom(newest->Bytes(4));
  }
  const Checksum computed =
      ChainHasher().Next({previous.value_or(kGenesis), last.revision, last.commit_revision,
                          last.event_bytes, last.private_bytes});
  if (stored != computed) {
    return DamagedAt(database->path(), last.revision, "the event does not match its checksum");
  }
  if (last.commit_revision != last.revision) {
    return DamagedAt(database->path(), last.revision, "the log ends within a commit");
  }
  return Tail{last.revision, computed};
}

// New in format 2.
absl::StatusOr<bool> ReadStoreComplete(Database* database, int64_t format) {
  if (format < 2) return false;
  COORDHUB_ASSIGN_OR_RETURN(const int64_t complete,
                            database->QueryInt("SELECT store_complete FROM meta"));
  return complete != 0;
}

}  // namespace

const char kStoreSchema[] = R"(
CREATE TABLE store(id INTEGER PRIMARY KEY, revision INTEGER NOT NULL, space INTEGER NOT NULL,
                   key BLOB NOT NULL, checksum BLOB NOT NULL, value BLOB NOT NULL) STRICT;
CREATE TABLE store_index(space INTEGER NOT NULL, key BLOB NOT NULL, id INTEGER NOT NULL,
                         bytes INTEGER NOT NULL, PRIMARY KEY(space, key)) STRICT, WITHOUT ROWID;
CREATE TABLE store_erased(id INTEGER PRIMARY KEY, bytes INTEGER NOT NULL,
                          revision INTEGER NOT NULL) STRICT;
CREATE TABLE store_size(space INTEGER PRIMARY KEY, row_count INTEGER NOT NULL,
                        bytes INTEGER NOT NULL, checksum BLOB NOT NULL) STRICT;
)";

absl::Status CreateJournalFile(const std::string& path, const Meta& meta) {
  COORDHUB_RETURN_IF_ERROR(CreateFile(path));
  absl::Status status = BuildSchema(path, meta);
  if (status.ok()) status = SyncFile(path);
  if (!status.ok()) RemoveFile(path).IgnoreError();
  return status;
}

absl::StatusOr<Meta> ReadMeta(Database* database) {
  COORDHUB_ASSIGN_OR_RETURN(const int64_t format, ReadFormat(database));
  COORDHUB_ASSIGN_OR_RETURN(
      Statement row, database->Prepare("SELECT format, written_by, log_id, restored, "
                                       "compact_revision, compact_checksum, checksum FROM meta"));
  const int rc = row.Step();
  if (rc == SQLITE_DONE) return Damaged(database->path(), "the meta row is missing");
  if (rc != SQLITE_ROW) return database->ErrorOf(rc, "read meta");
  const std::string written_by(row.Bytes(1));
  if (row.Int(0) != format) {
    return Damaged(database->path(), absl::StrCat("the file header says format ", format,
                                                  ", the meta row ", row.Int(0)));
  }
  if (format > kFormatVersion) return TooNew(database->path(), format, written_by);
  Meta meta;
  meta.format = format;
  meta.written_by = written_by;
  meta.log_id = std::string(row.Bytes(2));
  meta.restored = row.Int(3) != 0;
  meta.compact_revision = row.Int(4);
  COORDHUB_ASSIGN_OR_RETURN(meta.compact_checksum, ReadChecksum(database, &row, 5));
  COORDHUB_ASSIGN_OR_RETURN(meta.store_complete, ReadStoreComplete(database, format));
  COORDHUB_ASSIGN_OR_RETURN(const Checksum stored, ReadChecksum(database, &row, 6));
  if (stored != ChecksumOf(meta)) {
    return Damaged(database->path(), "the meta row does not match its checksum");
  }
  return meta;
}

absl::Status WriteMeta(Database* database, const Meta& meta) {
  Meta written = meta;
  written.format = kFormatVersion;
  COORDHUB_ASSIGN_OR_RETURN(
      Statement replace,
      database->Prepare("INSERT OR REPLACE INTO meta(id, format, written_by, log_id, restored, "
                        "compact_revision, compact_checksum, checksum, store_complete) "
                        "VALUES(1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"));
  const Checksum checksum = ChecksumOf(written);
  replace.Bind(1, written.format);
  replace.BindText(2, written.written_by);
  replace.BindText(3, written.log_id);
  replace.Bind(4, written.restored ? 1 : 0);
  replace.Bind(5, written.compact_revision);
  replace.BindBlob(6, BytesOf(written.compact_checksum));
  replace.BindBlob(7, BytesOf(checksum));
  replace.Bind(8, written.store_complete ? 1 : 0);
  const int rc = replace.Run();
  return rc == SQLITE_DONE ? absl::OkStatus() : database->ErrorOf(rc, "write meta");
}

absl::StatusOr<Checksum> ReadBoundary(Database* database, int64_t revision) {
  COORDHUB_ASSIGN_OR_RETURN(
      Statement boundary,
      database->Prepare("SELECT commit_revision, checksum FROM events WHERE revision = ?1"));
  boundary.Bind(1, revision);
  const int rc = boundary.Step();
  if (rc == SQLITE_DONE) return DamagedAt(database->path(), revision, "the event is missing");
  if (rc != SQLITE_ROW) return database->ErrorOf(rc, "read an event");
  Require(boundary.Int(0) == revision, "Compact: not at the end of a commit");
  const std::optional<Checksum> checksum = ChecksumFrom(boundary.Bytes(1));
  if (!checksum) return DamagedAt(database->path(), revision, "the checksum is malformed");
  return *checksum;
}

absl::StatusOr<Tail> ReadTail(Database* database, const Meta& meta) {
  COORDHUB_ASSIGN_OR_RETURN(
      Statement newest,
      database->Prepare(
          absl::StrCat("SELECT ", kEventColumns, " FROM events ORDER BY revision DESC LIMIT 2")
              .c_str()));
  const int rc = newest.Step();
  if (rc != SQLITE_ROW && rc != SQLITE_DONE) return database->ErrorOf(rc, "read the last event");
  if (rc == SQLITE_DONE || newest.Int(0) == meta.compact_revision) {
    return Tail{meta.compact_revision, meta.compact_checksum};
  }
  if (newest.Int(0) < meta.compact_revision) {
    return DamagedAt(database->path(), meta.compact_revision, "the event is missing");
  }
  return CheckLastEvent(database, meta, &newest);
}

absl::StatusOr<EventInserter> EventInserter::Prepare(Database* database) {
  COORDHUB_ASSIGN_OR_RETURN(Statement insert,
                            database->Prepare("INSERT INTO events VALUES(?1, ?2, ?3, ?4, ?5)"));
  return EventInserter(database, std::move(insert));
}

absl::StatusOr<Checksum> EventInserter::Insert(const Entry& entry, const Checksum& previous) {
  const Checksum checksum = hasher_.Next(
      {previous, entry.revision, entry.commit_revision, entry.event_bytes, entry.private_bytes});
  insert_.Bind(1, entry.revision);
  insert_.Bind(2, entry.commit_revision);
  insert_.BindBlob(3, entry.event_bytes);
  if (entry.private_bytes.empty()) {
    insert_.BindNull(4);
  } else {
    insert_.BindBlob(4, entry.private_bytes);
  }
  insert_.BindBlob(5, BytesOf(checksum));
  const int rc = insert_.Run();
  if (rc != SQLITE_DONE) return database_->ErrorOf(rc, "append an event");
  return checksum;
}

}  // namespace coordhub::journal
