#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/endpoint.h"
#include "hub/journal/journal_file.h"
#include "hub/journal/lock_file.h"
#include "hub/journal/snapshot_store.h"
#include "hub/journal/sqlite_journal.h"
#include "hub/journal/sqlite_reader.h"

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
    std::unique_ptr<Database> database;
    Meta meta;
    Tail tail;
    // Smallest revision among the rows of events; 0: there are none.
    int64_t first_row = 0;
    std::unique_ptr<SnapshotStore> snapshots;
    int64_t checkpoint_bytes = 0;
    int64_t log_room_bytes = 0;
    std::string vfs;
    std::string version;
  };

  explicit SqliteJournal(Parts parts);
  ~SqliteJournal() override;

  // Prepares the writer's statements. Errors: IO_FAILED.
  absl::Status Prepare();

  Identity identity() const override { return {log_id_, restored_}; }
  int64_t head_revision() const override { return state_->head; }
  int64_t compact_revision() const override { return state_->compact; }
  absl::Status Append(absl::Span<const Entry> entries) override;
  absl::StatusOr<int64_t> Compact(int64_t revision, absl::Span<const CommitRange> pinned) override;
  absl::Status Checkpoint(bool force) override;
  absl::Status ClearRestored() override;
  std::unique_ptr<JournalReader> NewReader() override;
  absl::Status SaveSnapshot(const v1::SnapshotHeader& header,
                            const SnapshotSource& source) override;
  absl::StatusOr<std::optional<v1::SnapshotHeader>> LoadSnapshot(
      int64_t max_revision, const SnapshotSink& sink,
      const std::function<void(std::string)>& note) override;
  absl::StatusOr<std::optional<v1::SnapshotHeader>> LoadOldestSnapshot(
      const SnapshotSink& sink) override;
  absl::StatusOr<BackupInfo> Backup(const std::string& directory) override;
  int64_t size_bytes() const override;

 private:
  // Runs `body` in a transaction. A full disk undoes it; after any other failure everything is
  // refused.
  template <class Body>
  absl::Status Transact(const Body& body);
  absl::Status Abandon(absl::Status status);

  absl::Status DeleteSomeGarbage();
  absl::StatusOr<std::optional<v1::SnapshotHeader>> LoadFirstWhole(
      const std::vector<int64_t>& candidates, const SnapshotSink& sink,
      const std::function<void(std::string)>& note);

  // Destroyed last: the lock outlives every connection.
  const LockFile lock_;
  const std::string log_id_;
  const std::string version_;
  const int64_t checkpoint_bytes_;
  const int64_t log_room_bytes_;
  const std::shared_ptr<JournalState> state_;
  const std::unique_ptr<SnapshotStore> snapshots_;
  std::atomic<bool> restored_;
  // Backups that read rows which may have become garbage meanwhile.
  std::atomic<int> backups_{0};

  // The rest is the writer's thread's.
  const std::unique_ptr<Database> database_;
  Meta meta_;
  // Of the head.
  Checksum checksum_;
  // No rows of events are below this one.
  int64_t first_row_;
  // Pages in the write-ahead log after the last commit, and at the last attempt to write them back.
  int64_t log_pages_ = 0;
  int64_t attempted_pages_ = 0;
  Statement begin_;
  Statement commit_;
  Statement rollback_;
  Statement delete_;
  std::optional<EventInserter> inserter_;
};

}  // namespace coordhub::journal
