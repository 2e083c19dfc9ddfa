#include "hub/journal/backup.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/base/endpoint.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "hub/journal/errors.h"
#include "hub/journal/event_reader.h"
#include "hub/journal/file_system.h"
#include "hub/journal/journal_file.h"
#include "hub/journal/manifest.h"
#include "hub/journal/sqlite_archive.h"
#include "hub/journal/sqlite_journal.h"

namespace coordhub::journal {
namespace {

constexpr int64_t kSliceEvents = 1000;
constexpr size_t kSliceBytes = 4 << 20;

absl::Status MakeDirectory(const std::string& directory) {
  if (directory.empty() || directory.front() != '/') {
    return base::MakeFieldError("directory", "must be an absolute path");
  }
  if (mkdir(directory.c_str(), 0700) == 0) return absl::OkStatus();
  if (errno == ENOSPC || errno == EDQUOT) return base::MakeIoError("create", directory, errno);
  return base::MakeFieldError("directory",
                              absl::StrCat("must name a new directory: ", directory, ": ",
                                           std::generic_category().message(errno)));
}

// Of the whole: when the events are copied, and when the store is.
constexpr int kEventsPercent = 80;
constexpr int kStorePercent = 90;

absl::Status Tell(const KeepGoing& keep_going, int percent) {
  if (!keep_going || keep_going(percent)) return absl::OkStatus();
  return base::MakeError(base::pb::ERROR_REASON_HUB_DRAINING, "the backup was told to stop");
}

absl::Status CopyEvents(const Extent& extent, EventReader* reader, Database* copy,
                        const KeepGoing& keep_going) {
  COORDHUB_ASSIGN_OR_RETURN(EventInserter inserter, EventInserter::Prepare(copy));
  Checksum written = extent.mark.checksum;
  std::vector<Entry> entries;
  for (int64_t after = extent.mark.revision; after < extent.head;) {
    entries.clear();
    {
      const ReadTransaction transaction(reader);
      COORDHUB_RETURN_IF_ERROR(transaction.status());
      const int64_t to = std::min(extent.head, after + kSliceEvents);
      COORDHUB_RETURN_IF_ERROR(
          reader->ReadEvents({after, to, kSliceBytes}, written, &entries).status());
    }
    for (const Entry& entry : entries) {
      COORDHUB_ASSIGN_OR_RETURN(written, inserter.Insert(entry, written));
    }
    after = entries.back().revision;
    const int64_t copied = after - extent.mark.revision;
    const int64_t all = extent.head - extent.mark.revision;
    COORDHUB_RETURN_IF_ERROR(Tell(keep_going, static_cast<int>(copied * kEventsPercent / all)));
  }
  return absl::OkStatus();
}

// As of the extent's head, though rows were erased and replaced since.
absl::Status CopyStore(const Extent& extent, StoreWalk* walk, Database* copy,
                       const KeepGoing& keep_going) {
  COORDHUB_ASSIGN_OR_RETURN(const std::unique_ptr<StoreWriter> writer, StoreWriter::Prepare(copy));
  const auto put = [&](const StoreWalk::Row& row) {
    const StoreChange change{row.space, std::string(row.key), std::string(row.value)};
    return writer->Apply({&change, 1}, row.revision);
  };
  bool more = true;
  while (more) {
    COORDHUB_ASSIGN_OR_RETURN(more, walk->Next(extent, put));
    COORDHUB_RETURN_IF_ERROR(Tell(keep_going, kEventsPercent));
  }
  return writer->Finish();
}

absl::Status CopyDatabase(const BackupSource& source, const Extent& extent, EventReader* reader,
                          StoreWalk* walk, const std::string& path, const KeepGoing& keep_going) {
  Meta meta;
  meta.written_by = source.version;
  meta.log_id = source.log_id;
  meta.compact_revision = extent.mark.revision;
  meta.compact_checksum = extent.mark.checksum;
  meta.store_complete = source.store_complete;
  COORDHUB_RETURN_IF_ERROR(CreateJournalFile(path, meta));
  {
    COORDHUB_ASSIGN_OR_RETURN(std::unique_ptr<Database> copy,
                              Database::Open(path, Database::Access::kReadWrite));
    COORDHUB_RETURN_IF_ERROR(
        copy->Execute("PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF; BEGIN"));
    COORDHUB_RETURN_IF_ERROR(CopyEvents(extent, reader, copy.get(), keep_going));
    COORDHUB_RETURN_IF_ERROR(CopyStore(extent, walk, copy.get(), keep_going));
    COORDHUB_RETURN_IF_ERROR(copy->Execute("COMMIT"));
  }
  return SyncFile(path);
}

// Copies the newest whole snapshot that the copied events continue; returns its revision, 0 when
// there is none.
absl::StatusOr<int64_t> CopySnapshot(const BackupSource& source, const Extent& extent,
                                     EventReader* reader, const SnapshotDirectory& copies) {
  const std::vector<int64_t> revisions = source.snapshots->revisions();
  for (auto it = revisions.rbegin(); it != revisions.rend(); ++it) {
    if (*it < extent.mark.revision || *it > extent.head) continue;
    COORDHUB_ASSIGN_OR_RETURN(const Checksum checksum, reader->ChecksumAt(*it, extent.mark));
    if (!source.snapshots->Load(*it, checksum).ok()) continue;
    COORDHUB_RETURN_IF_ERROR(CopyFile(source.snapshots->PathOf(*it), copies.PathOf(*it)));
    return *it;
  }
  if (extent.mark.revision == 0) return 0;
  return DamagedAt(source.state->path, extent.mark.revision,
                   "events were compacted, but no whole snapshot continues them");
}

absl::StatusOr<BackupInfo> Fill(const BackupSource& source, const std::string& directory,
                                const KeepGoing& keep_going) {
  const base::StatePaths paths(directory);
  SnapshotDirectory copies(paths.snapshots());
  COORDHUB_RETURN_IF_ERROR(copies.Open());
  COORDHUB_ASSIGN_OR_RETURN(std::unique_ptr<EventReader> reader,
                            EventReader::Open(source.state->path));
  COORDHUB_ASSIGN_OR_RETURN(const std::unique_ptr<StoreWalk> walk,
                            StoreWalk::Open(source.state->path));
  COORDHUB_ASSIGN_OR_RETURN(const Extent extent, SettleAcknowledged(*source.state, walk.get()));
  COORDHUB_RETURN_IF_ERROR(
      CopyDatabase(source, extent, reader.get(), walk.get(), paths.journal(), keep_going));
  COORDHUB_RETURN_IF_ERROR(Tell(keep_going, kStorePercent));
  COORDHUB_ASSIGN_OR_RETURN(const int64_t snapshot,
                            CopySnapshot(source, extent, reader.get(), copies));

  Manifest manifest{kFormatVersion, source.version, source.log_id, extent.head,
                    extent.mark.revision};
  COORDHUB_RETURN_IF_ERROR(AddFile(directory, "journal.sqlite3", &manifest));
  if (snapshot > 0) {
    const std::string name = copies.PathOf(snapshot).substr(directory.size() + 1);
    COORDHUB_RETURN_IF_ERROR(AddFile(directory, name, &manifest));
  }
  COORDHUB_RETURN_IF_ERROR(SyncDirectory(paths.snapshots()));
  COORDHUB_RETURN_IF_ERROR(WriteManifest(directory, manifest));
  COORDHUB_RETURN_IF_ERROR(SyncParent(directory));
  BackupInfo info;
  info.revision = extent.head;
  for (const Manifest::File& file : manifest.files) info.size_bytes += file.size_bytes;
  return info;
}

}  // namespace

absl::StatusOr<BackupInfo> WriteBackup(const BackupSource& source, const std::string& directory,
                                       const KeepGoing& keep_going) {
  if (source.state->failed) return Refused(source.state->path);
  COORDHUB_RETURN_IF_ERROR(MakeDirectory(directory));
  absl::StatusOr<BackupInfo> info = Fill(source, directory, keep_going);
  if (!info.ok()) {
    std::error_code ignored;  // what stays has no manifest, so it is no backup
    std::filesystem::remove_all(directory, ignored);
  }
  return info;
}

}  // namespace coordhub::journal
