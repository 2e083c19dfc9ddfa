#include <algorithm>
#include <utility>

#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "hub/journal/backup.h"
#include "hub/journal/errors.h"
#include "hub/journal/file_system.h"
#include "hub/journal/require.h"
#include "hub/journal/sqlite_archive.h"
#include "hub/journal/sqlite_journal_impl.h"

namespace coordhub::journal {
namespace {

constexpr int64_t kPageBytes = 4096;
// What one transaction of CompleteStore puts.
constexpr size_t kPutBytes = 1 << 20;
// Nobody else should write. Someone who looks into the file with a tool may hold it for a moment.
constexpr int kBusyTimeoutMs = 5000;
// For readers to let go of a log that was removed.
constexpr int kRescueTimeoutMs = 200;

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
      held_(std::move(parts.held)),
      log_id_(parts.meta.log_id),
      version_(parts.version),
      checkpoint_bytes_(parts.checkpoint_bytes),
      state_(std::make_shared<JournalState>()),
      snapshots_(std::move(parts.snapshots)),
      restored_(parts.meta.restored),
      store_incomplete_(!parts.meta.store_complete),
      database_(std::move(parts.database)),
      meta_(parts.meta),
      checksum_(parts.tail.checksum) {
  state_->path = database_->path();
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
  COORDHUB_ASSIGN_OR_RETURN(inserter_, EventInserter::Prepare(database_.get()));
  COORDHUB_ASSIGN_OR_RETURN(garbage_, Garbage::Prepare(database_.get()));
  COORDHUB_ASSIGN_OR_RETURN(store_, StoreWriter::Prepare(database_.get()));
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
  return CheckHeld();
}

// Asked after a commit: that what was synced is where the next start looks for it.
absl::Status SqliteJournal::CheckHeld() {
  absl::Status lost = held_->Check();
  if (lost.ok()) return state_->failed ? Refused(state_->path) : lost;
  if (state_->failed.exchange(true)) return lost;
  // A log that was removed holds commits that were acknowledged while it was there. This connection
  // has it open still, and can write them into the database: the last chance, and so whatever comes
  // of it is fine.
  sqlite3_busy_timeout(database_->handle(), kRescueTimeoutMs);
  (void)sqlite3_wal_checkpoint_v2(database_->handle(), nullptr, SQLITE_CHECKPOINT_FULL, nullptr,
                                  nullptr);
  return lost;
}

absl::Status SqliteJournal::Abandon(absl::Status status) {
  // SQLite has rolled back by itself after most errors.
  if (database_->in_transaction()) rollback_.Run();
  if (!IsDiskFull(status) || database_->in_transaction()) state_->failed = true;
  return status;
}

absl::Status SqliteJournal::Append(absl::Span<const Entry> entries) {
  if (state_->failed) return Refused(state_->path);
  RequireWholeCommits(entries, state_->head, kMaxAppendBytes);
  if (entries.empty()) return absl::OkStatus();
  Checksum checksum = checksum_;
  bool stores = false;
  const absl::Status status = Transact([&]() -> absl::Status {
    for (const Entry& entry : entries) {
      COORDHUB_ASSIGN_OR_RETURN(checksum, inserter_->Insert(entry, checksum));
      if (entry.store.empty()) continue;
      Require(!store_incomplete_, "Append: the store is incomplete");
      stores = true;
      COORDHUB_RETURN_IF_ERROR(store_->Apply(entry.store, entry.revision));
    }
    return stores ? store_->Finish() : absl::OkStatus();
  });
  if (!status.ok()) {
    if (stores) store_->RolledBack();
    return status;
  }
  if (stores && store_->Committed()) has_garbage_ = true;
  checksum_ = checksum;
  state_->head = entries.back().revision;
  return absl::OkStatus();
}

absl::StatusOr<int64_t> SqliteJournal::Compact(int64_t revision) {
  Require(revision <= state_->head, "Compact: beyond the head");
  const int64_t before = meta_.compact_revision;
  if (revision <= before) return 0;
  Require(snapshots_->newest() >= revision, "Compact: no snapshot continues at the revision");
  Meta moved = meta_;
  moved.compact_revision = revision;
  COORDHUB_RETURN_IF_ERROR(Transact([&]() -> absl::Status {
    COORDHUB_ASSIGN_OR_RETURN(moved.compact_checksum, ReadBoundary(database_.get(), revision));
    return WriteMeta(database_.get(), moved);
  }));
  meta_ = moved;
  state_->compact = revision;
  has_garbage_ = true;
  return revision - before;
}

// One thing at a time: what the writer is held for is that of the longer one, not their sum.
absl::Status SqliteJournal::Checkpoint(bool force) {
  if (state_->failed) return Refused(state_->path);
  if (log_pages_ < attempted_pages_) attempted_pages_ = 0;  // the log began anew
  if (force || (log_pages_ - attempted_pages_) * kPageBytes >= checkpoint_bytes_) {
    return WriteBack(/*truncate=*/force);
  }
  return has_garbage_ && holds_ == 0 ? DeleteSomeGarbage() : absl::OkStatus();
}

absl::Status SqliteJournal::WriteBack(bool truncate) {
  attempted_pages_ = log_pages_;
  // Readers that stand in the way are not waited for.
  sqlite3_busy_timeout(database_->handle(), 0);
  const int rc = sqlite3_wal_checkpoint_v2(
      database_->handle(), nullptr,
      truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  const absl::Status status = rc == SQLITE_OK || (rc & 0xff) == SQLITE_BUSY
                                  ? absl::OkStatus()
                                  : database_->ErrorOf(rc, "checkpoint");
  sqlite3_busy_timeout(database_->handle(), kBusyTimeoutMs);
  return status.ok() ? status : Abandon(status);
}

absl::Status SqliteJournal::DeleteSomeGarbage() {
  bool more = false;
  COORDHUB_RETURN_IF_ERROR(Transact([&]() -> absl::Status {
    COORDHUB_ASSIGN_OR_RETURN(more, garbage_->DeleteSlice(meta_.compact_revision));
    return absl::OkStatus();
  }));
  has_garbage_ = more;
  return absl::OkStatus();
}

absl::StatusOr<int64_t> SqliteJournal::VerifyStore(const std::function<absl::Status()>& between) {
  ++holds_;
  absl::StatusOr<int64_t> rows = VerifyStoreRows(*state_, between);
  --holds_;
  return rows;
}

absl::Status SqliteJournal::CompleteStore(absl::Span<const StoreChange> puts, bool last) {
  Require(store_incomplete_, "CompleteStore: the store is complete");
  RequireStoreChanges(puts);
  size_t from = 0;
  size_t bytes = 0;
  for (size_t i = 0; i < puts.size(); ++i) {
    Require(puts[i].value.has_value(), "CompleteStore: not a put");
    bytes += puts[i].key.size() + puts[i].value->size();
    if (bytes < kPutBytes) continue;
    COORDHUB_RETURN_IF_ERROR(PutSlice(puts.subspan(from, i + 1 - from), /*complete=*/false));
    COORDHUB_RETURN_IF_ERROR(Checkpoint(/*force=*/false));
    from = i + 1;
    bytes = 0;
  }
  return PutSlice(puts.subspan(from), last);
}

absl::Status SqliteJournal::PutSlice(absl::Span<const StoreChange> puts, bool complete) {
  Meta completed = meta_;
  completed.store_complete = complete;
  const absl::Status status = Transact([&]() -> absl::Status {
    COORDHUB_RETURN_IF_ERROR(store_->Apply(puts, state_->head));
    COORDHUB_RETURN_IF_ERROR(store_->Finish());
    return complete ? WriteMeta(database_.get(), completed) : absl::OkStatus();
  });
  if (!status.ok()) {
    store_->RolledBack();
    return status;
  }
  if (store_->Committed()) has_garbage_ = true;
  meta_ = completed;
  store_incomplete_ = !complete;
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

std::unique_ptr<ArchiveReader> SqliteJournal::NewArchiveReader() {
  return std::make_unique<SqliteArchiveReader>(state_);
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

absl::StatusOr<BackupInfo> SqliteJournal::Backup(const std::string& directory,
                                                 const KeepGoing& keep_going) {
  ++holds_;
  snapshots_->Hold();
  absl::StatusOr<BackupInfo> info =
      WriteBackup({state_.get(), snapshots_.get(), log_id_, version_, !store_incomplete_},
                  directory, keep_going);
  snapshots_->Release();
  --holds_;
  return info;
}

int64_t SqliteJournal::size_bytes() const {
  return FileSize(state_->path) + FileSize(state_->path + "-wal") + snapshots_->size_bytes();
}

}  // namespace coordhub::journal
