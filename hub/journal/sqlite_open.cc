// Opening a journal: the steps are numbered in FORMAT.md.

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/mutant.h"
#include "agent/base/status_macros.h"
#include "hub/journal/errors.h"
#include "hub/journal/file_system.h"
#include "hub/journal/log_room.h"
#include "hub/journal/migration.h"
#include "hub/journal/restore.h"
#include "hub/journal/sqlite_journal_impl.h"
#include "hub/journal/wal_check.h"

namespace coordhub::journal {
namespace {

// Beyond it, a check of the whole file would make a start slow; replay checks what counts.
constexpr int64_t kQuickCheckBytes = 64 << 20;

// Builds an empty journal where there is none, and none was lost.
absl::Status MakeNew(const base::StatePaths& paths, const SnapshotDirectory& snapshots,
                     const SqliteOptions& options) {
  COORDHUB_ASSIGN_OR_RETURN(const bool log_is_there, Exists(paths.journal() + "-wal"));
  if (log_is_there || snapshots.newest() > 0) {
    return Damaged(paths.journal(), "the database is missing, but its log or snapshots are there");
  }
  // The key is made right after the first journal, so it never stands alone.
  COORDHUB_ASSIGN_OR_RETURN(const bool key_is_there, Exists(paths.workspace_key()));
  if (key_is_there) {
    return Damaged(paths.journal(),
                   absl::StrCat("the database is missing, but the key of its workspace is there; "
                                "restore a backup, or remove ",
                                paths.dir(), " to begin anew"));
  }
  const std::string built = paths.journal() + ".new";
  COORDHUB_RETURN_IF_ERROR(RemoveFile(built));
  Meta meta;
  meta.written_by = options.version;
  meta.log_id = options.ids->NewUid();
  COORDHUB_RETURN_IF_ERROR(CreateJournalFile(built, meta));
  COORDHUB_RETURN_IF_ERROR(RenameFile(built, paths.journal()));
  return SyncDirectory(paths.dir());
}

// A regular file of this user's that others cannot read.
absl::Status CheckFile(const std::string& path) {
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0) return base::MakeIoError("stat", path, errno);
  if (!S_ISREG(info.st_mode)) return Unusable(path, "is not a regular file");
  if (info.st_uid != geteuid()) return Unusable(path, "belongs to another user");
  if (info.st_size == 0) return Damaged(path, "the file is empty");
  if ((info.st_mode & 0777) != 0600 && chmod(path.c_str(), 0600) != 0) {
    return base::MakeIoError("chmod", path, errno);
  }
  return absl::OkStatus();
}

absl::Status Configure(Database* database) {
  // A batch's pages; one that does not fit would be written to the log twice. What was written
  // before is not looked at again.
  COORDHUB_RETURN_IF_ERROR(database->Execute("PRAGMA cache_size=-1024; PRAGMA secure_delete=OFF"));
  COORDHUB_RETURN_IF_ERROR(database->Execute(base::MutantActive("journal_does_not_sync")
                                                 ? "PRAGMA synchronous=NORMAL"
                                                 : "PRAGMA synchronous=FULL"));
  COORDHUB_ASSIGN_OR_RETURN(const std::string mode, database->QueryText("PRAGMA journal_mode=WAL"));
  if (mode == "wal") return absl::OkStatus();
  return base::MakeError(base::pb::ERROR_REASON_IO_FAILED,
                         absl::StrCat(database->path(), " cannot use a write-ahead log"),
                         {{"operation", "open"}, {"path", database->path()}});
}

absl::Status QuickCheck(Database* database) {
  if (FileSize(database->path()) > kQuickCheckBytes) return absl::OkStatus();
  COORDHUB_ASSIGN_OR_RETURN(const std::string verdict,
                            database->QueryText("PRAGMA quick_check(1)"));
  if (verdict == "ok") return absl::OkStatus();
  return Damaged(database->path(), verdict);
}

// Begins an empty log. What an interrupted transaction left in the old one can then never be
// mistaken for later frames.
absl::Status ResetLog(Database* database) {
  const int rc = sqlite3_wal_checkpoint_v2(database->handle(), nullptr, SQLITE_CHECKPOINT_TRUNCATE,
                                           nullptr, nullptr);
  if (rc == SQLITE_OK || (rc & 0xff) == SQLITE_BUSY) return absl::OkStatus();
  const absl::Status status = database->ErrorOf(rc, "checkpoint");
  return IsDiskFull(status) ? absl::OkStatus() : status;
}

// A log that grew beyond this, because a reader held on to it, is given back to the disk as it
// begins anew.
absl::Status LimitLog(Database* database, const SqliteJournal::Parts& parts) {
  constexpr int64_t kOversized = 4;
  const int64_t limit = std::max(parts.log_room_bytes, kOversized * parts.checkpoint_bytes);
  return database->Execute(absl::StrCat("PRAGMA journal_size_limit=", limit).c_str());
}

absl::Status OpenDatabase(SqliteJournal::Parts* parts) {
  const std::string path = parts->paths.journal();
  COORDHUB_RETURN_IF_ERROR(CheckFile(path));
  COORDHUB_RETURN_IF_ERROR(CheckWriteAheadLog(path + "-wal"));
  COORDHUB_ASSIGN_OR_RETURN(parts->database, Database::Open(path, Database::Access::kReadWrite));
  Database* database = parts->database.get();
  COORDHUB_ASSIGN_OR_RETURN(parts->meta, ReadMeta(database));
  COORDHUB_RETURN_IF_ERROR(Configure(database));
  COORDHUB_RETURN_IF_ERROR(QuickCheck(database));
  COORDHUB_RETURN_IF_ERROR(ResetLog(database));
  COORDHUB_RETURN_IF_ERROR(Migrate(database, parts->version, &parts->meta));
  COORDHUB_RETURN_IF_ERROR(ResetLog(database));
  COORDHUB_RETURN_IF_ERROR(LimitLog(database, *parts));
  COORDHUB_RETURN_IF_ERROR(MakeLogRoom(database, parts->log_room_bytes));
  COORDHUB_ASSIGN_OR_RETURN(parts->tail, ReadTail(database, parts->meta));
  return absl::OkStatus();
}

// What was copied goes on under an id of its own, and its sessions are the original's.
absl::Status BeginNewLog(const SqliteOptions& options, SqliteJournal::Parts* parts) {
  parts->meta.log_id = options.ids->NewUid();
  parts->meta.restored = true;
  return WriteMeta(parts->database.get(), parts->meta);
}

// Events were lost at the end of the log when a snapshot knows more of them.
absl::Status CheckSnapshots(const SqliteJournal::Parts& parts) {
  const int64_t newest = parts.snapshots->newest();
  if (newest <= parts.tail.head) return absl::OkStatus();
  return DamagedAt(parts.database->path(), parts.tail.head + 1,
                   absl::StrCat("the log ends, but a snapshot is at revision ", newest));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Journal>> OpenSqliteJournal(const SqliteOptions& options) {
  COORDHUB_ASSIGN_OR_RETURN(const std::string directory, PrepareStateDirectory(options.state_dir));
  const base::StatePaths paths(directory);
  COORDHUB_ASSIGN_OR_RETURN(LockFile lock, LockFile::Acquire(paths.lock()));
  COORDHUB_RETURN_IF_ERROR(FinishRestore(paths));
  auto snapshots = std::make_unique<SnapshotDirectory>(paths.snapshots());
  COORDHUB_RETURN_IF_ERROR(snapshots->Open());
  COORDHUB_ASSIGN_OR_RETURN(const bool is_there, Exists(paths.journal()));
  bool is_copy = false;
  if (!is_there) {
    COORDHUB_RETURN_IF_ERROR(MakeNew(paths, *snapshots, options));
  } else if (options.is_copy) {
    COORDHUB_ASSIGN_OR_RETURN(is_copy, options.is_copy());
  }

  SqliteJournal::Parts parts{std::move(lock), paths};
  parts.held = options.held != nullptr ? options.held : std::make_shared<HeldFiles>();
  parts.snapshots = std::move(snapshots);
  parts.checkpoint_bytes = options.checkpoint_bytes;
  parts.log_room_bytes = options.log_room_bytes;
  parts.version = options.version;
  COORDHUB_RETURN_IF_ERROR(OpenDatabase(&parts));
  if (is_copy) COORDHUB_RETURN_IF_ERROR(BeginNewLog(options, &parts));
  for (const std::string& path : {paths.lock(), paths.journal(), paths.journal() + "-wal"}) {
    COORDHUB_RETURN_IF_ERROR(parts.held->Add(path));
  }
  COORDHUB_RETURN_IF_ERROR(CheckSnapshots(parts));
  parts.snapshots->Prune(parts.meta.compact_revision);
  auto journal = std::make_unique<SqliteJournal>(std::move(parts));
  COORDHUB_RETURN_IF_ERROR(journal->Prepare());
  return journal;
}

}  // namespace coordhub::journal
