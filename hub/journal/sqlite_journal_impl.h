#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/endpoint.h"
#include "hub/journal/garbage.h"
#include "hub/journal/held_files.h"
#include "hub/journal/journal_file.h"
#include "hub/journal/lock_file.h"
#include "hub/journal/snapshot_directory.h"
#include "hub/journal/sqlite_journal.h"
#include "hub/journal/sqlite_reader.h"
#include "hub/journal/store_writer.h"

namespace coordhub::journal {

// The journal on disk, opened and checked. FORMAT.md says what is where and why.
//
// The connection here is the writer's thread's alone; other threads read over connections of their
// own. Readers must be gone before it.
class SqliteJournal final : public Journal {
 public:
  struct Parts {
    LockFile lock;
    base::StatePaths paths;
    std::shared_ptr<HeldFiles> held;
    std::unique_ptr<Database> database;
    Meta meta;
    Tail tail;
    std::unique_ptr<SnapshotDirectory> snapshots;
    int64_t checkpoint_bytes = 0;
    int64_t log_room_bytes = 0;
    std::string version;
  };

  explicit SqliteJournal(Parts parts);
  ~SqliteJournal() override;

  // Prepares the writer's statements. Errors: IO_FAILED.
  absl::Status Prepare();

  Identity identity() const override { return {log_id_, restored_}; }
  int64_t head_revision() const override { return state_->head; }
  int64_t compact_revision() const override { return state_->compact; }
  size_t max_append_bytes() const override { return kMaxAppendBytes; }
  absl::Status Append(absl::Span<const Entry> entries) override;
  absl::StatusOr<int64_t> Compact(int64_t revision) override;
  absl::Status Checkpoint(bool force) override;
  absl::Status ClearRestored() override;
  absl::Status CheckHeld() override;
  std::unique_ptr<JournalReader> NewReader() override;
  absl::Status SaveSnapshot(const v1::SnapshotHeader& header,
                            const SnapshotSource& source) override;
  void PruneSnapshots() override { snapshots_->Prune(state_->compact); }
  absl::StatusOr<std::optional<v1::SnapshotHeader>> LoadSnapshot(
      int64_t max_revision, const SnapshotSink& sink,
      const std::function<void(std::string)>& note) override;
  absl::StatusOr<std::optional<v1::SnapshotHeader>> LoadOldestSnapshot(
      const SnapshotSink& sink) override;
  std::unique_ptr<ArchiveReader> NewArchiveReader() override;
  StoreSize store_size(Space space) const override { return store_->size(space); }
  absl::StatusOr<int64_t> VerifyStore(const std::function<absl::Status()>& between) override;
  bool store_incomplete() const override { return store_incomplete_; }
  absl::Status CompleteStore(absl::Span<const StoreChange> puts, bool last) override;
  using Journal::Backup;
  absl::StatusOr<BackupInfo> Backup(const std::string& directory,
                                    const KeepGoing& keep_going) override;
  int64_t size_bytes() const override;

 private:
  // Runs `body` in a transaction. A full disk undoes it; after any other failure everything is
  // refused.
  template <class Body>
  absl::Status Transact(const Body& body);
  absl::Status Abandon(absl::Status status);

  // Writes the log back.
  absl::Status WriteBack(bool truncate);
  absl::Status DeleteSomeGarbage();
  absl::Status PutSlice(absl::Span<const StoreChange> puts, bool complete);
  absl::StatusOr<std::optional<v1::SnapshotHeader>> LoadFirstWhole(
      const std::vector<int64_t>& candidates, const SnapshotSink& sink,
      const std::function<void(std::string)>& note);

  // Destroyed last: the lock outlives every connection.
  const LockFile lock_;
  const std::shared_ptr<const HeldFiles> held_;
  const std::string log_id_;
  const std::string version_;
  const int64_t checkpoint_bytes_;
  const std::shared_ptr<JournalState> state_;
  const std::unique_ptr<SnapshotDirectory> snapshots_;
  std::atomic<bool> restored_;
  std::atomic<bool> store_incomplete_;
  // Backups and verifications that read rows which may have become garbage meanwhile.
  std::atomic<int> holds_{0};

  // The rest is the writer's thread's.
  const std::unique_ptr<Database> database_;
  Meta meta_;
  // Of the head.
  Checksum checksum_;
  // There may be rows that nobody reads any more.
  bool has_garbage_ = true;
  // Pages in the write-ahead log after the last commit, and at the last attempt to write them back.
  int64_t log_pages_ = 0;
  int64_t attempted_pages_ = 0;
  Statement begin_;
  Statement commit_;
  Statement rollback_;
  std::optional<EventInserter> inserter_;
  std::optional<Garbage> garbage_;
  std::unique_ptr<StoreWriter> store_;
};

}  // namespace coordhub::journal
