#include "hub/journal/restore.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "hub/journal/errors.h"
#include "hub/journal/event_reader.h"
#include "hub/journal/file_system.h"
#include "hub/journal/journal_file.h"
#include "hub/journal/lock_file.h"
#include "hub/journal/manifest.h"
#include "hub/journal/migration.h"
#include "hub/journal/snapshot_directory.h"
#include "hub/journal/sqlite_journal.h"
#include "hub/journal/store_walk.h"

namespace coordhub::journal {
namespace {

constexpr int64_t kSliceEvents = 1000;

std::string StagingOf(const base::StatePaths& paths) { return paths.dir() + "/restoring"; }

absl::Status RemoveTree(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  return error ? base::MakeIoError("remove", path, error.value()) : absl::OkStatus();
}

// Nothing of another journal may be there, but what an interrupted restore left.
absl::Status CheckEmpty(const base::StatePaths& paths) {
  COORDHUB_ASSIGN_OR_RETURN(const bool has_journal, Exists(paths.journal()));
  if (has_journal) return Unusable(paths.dir(), "holds a journal already");
  COORDHUB_ASSIGN_OR_RETURN(const bool interrupted, Exists(StagingOf(paths)));
  if (interrupted) return absl::OkStatus();
  COORDHUB_ASSIGN_OR_RETURN(const bool has_log, Exists(paths.journal() + "-wal"));
  SnapshotDirectory snapshots(paths.snapshots());
  COORDHUB_RETURN_IF_ERROR(snapshots.Open());
  if (has_log || snapshots.newest() > 0) {
    return Unusable(paths.dir(), "holds parts of another journal");
  }
  return absl::OkStatus();
}

// From here to the rename of the database, a start is refused.
absl::Status BeginStaging(const base::StatePaths& paths) {
  COORDHUB_RETURN_IF_ERROR(RemoveTree(paths.snapshots()));
  if (mkdir(StagingOf(paths).c_str(), 0700) != 0 && errno != EEXIST) {
    return base::MakeIoError("create", StagingOf(paths), errno);
  }
  return SyncDirectory(paths.dir());
}

// Reads, and thereby checks, all events.
absl::Status CheckEvents(const std::string& path, const Meta& meta, const Tail& tail) {
  COORDHUB_ASSIGN_OR_RETURN(std::unique_ptr<EventReader> reader, EventReader::Open(path));
  Checksum checksum = meta.compact_checksum;
  std::vector<Entry> entries;
  for (int64_t after = meta.compact_revision; after < tail.head; after += kSliceEvents) {
    entries.clear();
    const int64_t to = std::min(tail.head, after + kSliceEvents);
    COORDHUB_ASSIGN_OR_RETURN(checksum, reader->ReadEvents({after, to}, checksum, &entries));
  }
  return absl::OkStatus();
}

// Reads, and thereby checks, the whole store.
absl::Status CheckStore(const std::string& path) {
  COORDHUB_ASSIGN_OR_RETURN(const std::unique_ptr<StoreWalk> walk, StoreWalk::Open(path));
  COORDHUB_ASSIGN_OR_RETURN(const Extent extent, walk->Settle());
  bool more = true;
  while (more) {
    COORDHUB_ASSIGN_OR_RETURN(
        more, walk->Next(extent, [](const StoreWalk::Row&) { return absl::OkStatus(); }));
  }
  return absl::OkStatus();
}

// Gives the copied database its new identity, after all of it was checked.
absl::Status Rename(const std::string& path, const Manifest& manifest,
                    const SqliteOptions& options) {
  Meta meta;
  Tail tail;
  {
    COORDHUB_ASSIGN_OR_RETURN(std::unique_ptr<Database> database,
                              Database::Open(path, Database::Access::kRead));
    COORDHUB_ASSIGN_OR_RETURN(meta, ReadMeta(database.get()));
    COORDHUB_ASSIGN_OR_RETURN(tail, ReadTail(database.get(), meta));
  }
  if (meta.log_id != manifest.log_id || tail.head != manifest.revision ||
      meta.compact_revision != manifest.compact_revision) {
    return Damaged(path, "the journal is not the one that the manifest describes");
  }
  COORDHUB_RETURN_IF_ERROR(CheckEvents(path, meta, tail));
  if (meta.format >= 2) COORDHUB_RETURN_IF_ERROR(CheckStore(path));
  meta.log_id = options.ids->NewUid();
  meta.restored = true;
  meta.written_by = options.version;
  {
    COORDHUB_ASSIGN_OR_RETURN(std::unique_ptr<Database> database,
                              Database::Open(path, Database::Access::kReadWrite));
    COORDHUB_RETURN_IF_ERROR(
        database->Execute("PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF"));
    COORDHUB_RETURN_IF_ERROR(Migrate(database.get(), options.version, &meta));
    COORDHUB_RETURN_IF_ERROR(WriteMeta(database.get(), meta));
  }
  return SyncFile(path);
}

absl::Status CopySnapshots(const std::string& backup, const Manifest& manifest,
                           const base::StatePaths& paths) {
  SnapshotDirectory snapshots(paths.snapshots());
  COORDHUB_RETURN_IF_ERROR(snapshots.Open());
  for (const Manifest::File& file : manifest.files) {
    if (!absl::StartsWith(file.name, "snapshots/")) continue;
    COORDHUB_RETURN_IF_ERROR(
        CopyFile(absl::StrCat(backup, "/", file.name), absl::StrCat(paths.dir(), "/", file.name)));
  }
  return SyncDirectory(paths.snapshots());
}

absl::Status Restore(const std::string& backup, const Manifest& manifest,
                     const base::StatePaths& paths, const SqliteOptions& options) {
  const std::string staged = StagingOf(paths) + "/journal.sqlite3";
  COORDHUB_RETURN_IF_ERROR(BeginStaging(paths));
  COORDHUB_RETURN_IF_ERROR(RemoveFile(staged));
  COORDHUB_RETURN_IF_ERROR(CopyFile(backup + "/journal.sqlite3", staged));
  COORDHUB_RETURN_IF_ERROR(Rename(staged, manifest, options));
  COORDHUB_RETURN_IF_ERROR(CopySnapshots(backup, manifest, paths));
  COORDHUB_RETURN_IF_ERROR(RenameFile(staged, paths.journal()));
  COORDHUB_RETURN_IF_ERROR(SyncDirectory(paths.dir()));
  return RemoveTree(StagingOf(paths));
}

}  // namespace

absl::Status FinishRestore(const base::StatePaths& paths) {
  COORDHUB_ASSIGN_OR_RETURN(const bool staging, Exists(StagingOf(paths)));
  if (!staging) return absl::OkStatus();
  COORDHUB_ASSIGN_OR_RETURN(const bool restored, Exists(paths.journal()));
  if (restored) return RemoveTree(StagingOf(paths));
  return Damaged(StagingOf(paths), "a restore was interrupted; repeat it");
}

absl::Status RestoreBackup(const std::string& backup_directory, const SqliteOptions& options) {
  COORDHUB_ASSIGN_OR_RETURN(const Manifest manifest, CheckManifest(backup_directory));
  COORDHUB_ASSIGN_OR_RETURN(const std::string directory, PrepareStateDirectory(options.state_dir));
  const base::StatePaths paths(directory);
  COORDHUB_ASSIGN_OR_RETURN(const LockFile lock, LockFile::Acquire(paths.lock()));
  COORDHUB_RETURN_IF_ERROR(CheckEmpty(paths));
  absl::Status status = Restore(backup_directory, manifest, paths, options);
  if (!status.ok()) {
    COORDHUB_ASSIGN_OR_RETURN(const bool in_place, Exists(paths.journal()));
    if (in_place) return status;
    // As it was before; what cannot be removed now is removed by the next attempt.
    RemoveTree(paths.snapshots()).IgnoreError();
    RemoveTree(StagingOf(paths)).IgnoreError();
  }
  return status;
}

}  // namespace coordhub::journal
