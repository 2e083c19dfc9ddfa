#include <algorithm>
#include <utility>

#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "hub/journal/backup.h"
#include "hub/journal/errors.h"
#include "hub/journal/file_system.h"
#include "hub/journal/log_room.h"
#include "hub/journal/pinning.h"
#include "hub/journal/require.h"
#include "hub/journal/sqlite_journal_impl.h"

namespace coordhub::journal {
namespace {

constexpr int64_t kPageBytes = 4096;
// Compacted events that one call of Checkpoint deletes: some milliseconds.
constexpr int64_t kGarbageSlice = 4096;
// A log that grew this many times beyond its limit, because a reader held on to it, is given back
// to the disk.
constexpr int64_t kOversized = 4;
// Nobody else should write. Someone who looks into the file with a tool may hold it for a moment.
constexpr int kBusyTimeoutMs = 5000;

int OnCommit(void* log_pages, sqlite3*, const char*, int pages) {
  *static_cast<int64_t*>(log_pages) = pages;
  return SQLITE_OK;
}

bool IsCompacted(const absl::Status& status) {
  return base::ReasonOf(status) == base::pb::ERROR_REASON_REVISION_COMPACTED;
}

}  // namespace

SqliteJournal::SqliteJournal(Parts parts)
    : lock_(std::move(parts.lock)),
      log_id_(parts.meta.log_id),
      version_(parts.version),
      checkpoint_bytes_(parts.checkpoint_bytes),
      log_room_bytes_(parts.log_room_bytes),
      state_(std::make_shared<JournalState>()),
      snapshots_(std::move(parts.snapshots)),
      restored_(parts.meta.restored),
      database_(std::move(parts.database)),
      meta_(parts.meta),
      checksum_(parts.tail.checksum),
      first_row_(parts.first_row > 0 ? parts.first_row : parts.meta.compact_revision + 1) {
  state_->path = database_->path();
  state_->vfs = parts.vfs;
  state_->head = parts.tail.head;
  state_->compact = meta_.compact_revision;
  sqlite3_busy_timeout(database_->handle(), kBusyTimeoutMs);
  sqlite3_wal_hook(database_->handle(), &OnCommit, &log_pages_);
}

SqliteJournal::~SqliteJournal() = default;

absl::Status SqliteJournal::Prepare() {
  COORDHUB_ASSIGN_OR_RETURN(begin_, database_->Prepare("BEGIN IMMEDIATE"));
  COORDHUB_ASSIGN_OR_RETURN(commit_, database_->Prepare("COMMIT"));
  COORDHUB_ASSIGN_OR_RETURN(rollback_, database_->Prepare("ROLLBACK"));
  COORDHUB_ASSIGN_OR_RETURN(delete_, database_->Prepare("DELETE FROM events WHERE revision <= ?1"));
  COORDHUB_ASSIGN_OR_RETURN(inserter_, EventInserter::Prepare(database_.get()));
  return absl::OkStatus();
}

template <class Body>
absl::Status SqliteJournal::Transact(const Body& body) {
  if (state_->failed) return Refused(state_->path);
  const int begun = begin_.Run();
  if (begun != SQLITE_DONE) return Abandon(database_->ErrorOf(begun, "begin to write"));
  absl::Status status = body();
  if (!status.ok()) return Abandon(std::move(status));
  const int committed = commit_.Run();
  if (committed != SQLITE_DONE) return Abandon(database_->ErrorOf(committed, "commit"));
  return absl::OkStatus();
}

absl::Status SqliteJournal::Abandon(absl::Status status) {
  // SQLite has rolled back by itself after most errors.
  if (database_->in_transaction()) rollback_.Run();
  if (!IsDiskFull(status) || database_->in_transaction()) state_->failed = true;
  return status;
}

absl::Status SqliteJournal::Append(absl::Span<const Entry> entries) {
  RequireWholeCommits(entries, state_->head);
  if (entries.empty()) return absl::OkStatus();
  Checksum checksum = checksum_;
  COORDHUB_RETURN_IF_ERROR(Transact([&] {
    for (const Entry& entry : entries) {
      COORDHUB_ASSIGN_OR_RETURN(checksum, inserter_->Insert(entry, checksum));
    }
    return absl::OkStatus();
  }));
  checksum_ = checksum;
  state_->head = entries.back().revision;
  return absl::OkStatus();
}

absl::StatusOr<int64_t> SqliteJournal::Compact(int64_t revision,
                                               absl::Span<const CommitRange> pinned) {
  Require(revision <= state_->head, "Compact: beyond the head");
  const int64_t before = meta_.compact_revision;
  if (revision < before) return 0;
  Require(revision == before || snapshots_->newest() >= revision,
          "Compact: no snapshot continues at the revision");
  int64_t copied = 0;
  Meta moved = meta_;
  COORDHUB_RETURN_IF_ERROR(Transact([&] {
    COORDHUB_ASSIGN_OR_RETURN(
        copied, PinCommits(database_.get(), {before, meta_.compact_checksum}, revision, pinned));
    if (revision == before) return absl::OkStatus();
    COORDHUB_ASSIGN_OR_RETURN(moved.compact_checksum, ReadBoundary(database_.get(), revision));
    moved.compact_revision = revision;
    return WriteMeta(database_.get(), moved);
  }));
  meta_ = moved;
  state_->compact = revision;
  snapshots_->Prune(revision);
  return revision - before - copied;
}

absl::Status SqliteJournal::Checkpoint(bool force) {
  if (state_->failed) return Refused(state_->path);
  if (log_pages_ < attempted_pages_) attempted_pages_ = 0;  // the log began anew
  if (force || (log_pages_ - attempted_pages_) * kPageBytes >= checkpoint_bytes_) {
    attempted_pages_ = log_pages_;
    const bool truncate = force || log_pages_ * kPageBytes > kOversized * checkpoint_bytes_;
    // Readers that stand in the way are not waited for.
    sqlite3_busy_timeout(database_->handle(), 0);
    const int rc = sqlite3_wal_checkpoint_v2(
        database_->handle(), nullptr,
        truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
    const absl::Status status = rc == SQLITE_OK || (rc & 0xff) == SQLITE_BUSY
                                    ? absl::OkStatus()
                                    : database_->ErrorOf(rc, "checkpoint");
    sqlite3_busy_timeout(database_->handle(), kBusyTimeoutMs);
    if (!status.ok()) return Abandon(status);
    if (truncate && !force) {
      const absl::Status room = MakeLogRoom(database_.get(), log_room_bytes_);
      if (!room.ok()) return Abandon(room);
    }
  }
  return DeleteSomeGarbage();
}

absl::Status SqliteJournal::DeleteSomeGarbage() {
  if (first_row_ > meta_.compact_revision || backups_ > 0) return absl::OkStatus();
  const int64_t to = std::min(meta_.compact_revision, first_row_ + kGarbageSlice - 1);
  COORDHUB_RETURN_IF_ERROR(Transact([&] {
    delete_.Bind(1, to);
    const int rc = delete_.Run();
    return rc == SQLITE_DONE ? absl::OkStatus() : database_->ErrorOf(rc, "delete events");
  }));
  first_row_ = to + 1;
  return absl::OkStatus();
}

absl::Status SqliteJournal::ClearRestored() {
  Meta cleared = meta_;
  cleared.restored = false;
  COORDHUB_RETURN_IF_ERROR(Transact([&] { return WriteMeta(database_.get(), cleared); }));
  meta_ = cleared;
  restored_ = false;
  return absl::OkStatus();
}

std::unique_ptr<JournalReader> SqliteJournal::NewReader() {
  return std::make_unique<SqliteReader>(state_);
}

absl::Status SqliteJournal::SaveSnapshot(const v1::SnapshotHeader& header,
                                         const SnapshotSource& source) {
  Require(header.revision() > 0 && header.revision() <= state_->head,
          "SaveSnapshot: not of a durable revision");
  const absl::StatusOr<Checksum> checksum = SqliteReader(state_).ChecksumAt(header.revision());
  if (IsCompacted(checksum.status())) return absl::OkStatus();  // overtaken: a newer one is there
  COORDHUB_RETURN_IF_ERROR(checksum.status());
  COORDHUB_RETURN_IF_ERROR(snapshots_->Save(header, *checksum, source));
  snapshots_->Prune(state_->compact);
  return absl::OkStatus();
}

absl::StatusOr<std::optional<v1::SnapshotHeader>> SqliteJournal::LoadSnapshot(
    int64_t max_revision, const SnapshotSink& sink, const std::function<void(std::string)>& note) {
  std::vector<int64_t> candidates;
  for (const int64_t revision : snapshots_->revisions()) {
    if (revision <= max_revision) candidates.insert(candidates.begin(), revision);
  }
  return LoadFirstWhole(candidates, sink, note);
}

absl::StatusOr<std::optional<v1::SnapshotHeader>> SqliteJournal::LoadOldestSnapshot(
    const SnapshotSink& sink) {
  return LoadFirstWhole(snapshots_->revisions(), sink, [](const std::string&) {});
}

absl::StatusOr<std::optional<v1::SnapshotHeader>> SqliteJournal::LoadFirstWhole(
    const std::vector<int64_t>& candidates, const SnapshotSink& sink,
    const std::function<void(std::string)>& note) {
  SqliteReader reader(state_);
  for (const int64_t revision : candidates) {
    if (revision < state_->compact) continue;
    const absl::StatusOr<Checksum> checksum = reader.ChecksumAt(revision);
    if (IsCompacted(checksum.status())) continue;  // since the line before
    COORDHUB_RETURN_IF_ERROR(checksum.status());
    const auto file = snapshots_->Load(revision, *checksum);
    if (!file.ok()) {
      note(std::string(file.status().message()));
      continue;
    }
    COORDHUB_RETURN_IF_ERROR((*file)->ReadRecords(sink));
    return (*file)->header();
  }
  return std::nullopt;
}

absl::StatusOr<BackupInfo> SqliteJournal::Backup(const std::string& directory) {
  ++backups_;
  snapshots_->Hold();
  absl::StatusOr<BackupInfo> info =
      WriteBackup({state_.get(), snapshots_.get(), log_id_, version_}, directory);
  snapshots_->Release();
  --backups_;
  return info;
}

int64_t SqliteJournal::size_bytes() const {
  return FileSize(state_->path) + FileSize(state_->path + "-wal") + snapshots_->size_bytes();
}

}  // namespace coordhub::journal
