#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hub/journal/journal.h"

namespace coordhub::engine {

// A journal that asks a script before what it does: the script may look around, take its time, or
// fail the append. Everything else goes to the real journal underneath.
class ScriptedJournal final : public journal::Journal {
 public:
  explicit ScriptedJournal(std::unique_ptr<journal::Journal> real) : real_(std::move(real)) {}

  // Called with every append; not OK: the append fails with it and writes nothing.
  std::function<absl::Status(absl::Span<const journal::Entry>)> on_append;
  // Likewise with every snapshot, on the thread that writes it.
  std::function<absl::Status()> on_save_snapshot;
  // Called with every snapshot's revision when the first of its records is written and the rest is
  // not; and with every compaction's.
  std::function<void(int64_t)> on_snapshot;
  std::function<void(int64_t)> on_compact;
  // Instead of the real one's; a small one is soon reached.
  std::optional<size_t> max_append;
  // Asked before the rows of the store are.
  std::function<absl::Status()> on_verify_store;
  // May change the header of a snapshot that is written.
  std::function<void(journal::v1::SnapshotHeader*)> on_snapshot_header;
  // Called with the head as a backup ends.
  std::function<void(int64_t)> after_backup;

  journal::Identity identity() const override { return real_->identity(); }
  int64_t head_revision() const override { return real_->head_revision(); }
  int64_t compact_revision() const override { return real_->compact_revision(); }
  absl::Status Append(absl::Span<const journal::Entry> entries) override {
    if (on_append) {
      const absl::Status status = on_append(entries);
      if (!status.ok()) return status;
    }
    return real_->Append(entries);
  }
  size_t max_append_bytes() const override {
    return max_append.value_or(real_->max_append_bytes());
  }
  absl::StatusOr<int64_t> Compact(int64_t revision) override {
    if (on_compact) on_compact(revision);
    return real_->Compact(revision);
  }
  absl::Status Checkpoint(bool force) override { return real_->Checkpoint(force); }
  absl::Status ClearRestored() override { return real_->ClearRestored(); }
  std::unique_ptr<journal::JournalReader> NewReader() override { return real_->NewReader(); }
  absl::Status SaveSnapshot(const journal::v1::SnapshotHeader& header,
                            const journal::SnapshotSource& source) override {
    if (on_save_snapshot) {
      const absl::Status status = on_save_snapshot();
      if (!status.ok()) return status;
    }
    journal::v1::SnapshotHeader stated = header;
    if (on_snapshot_header) on_snapshot_header(&stated);
    return real_->SaveSnapshot(stated, [&](const RecordWriter& write) {
      bool begun = false;
      return source([&](const journal::v1::SnapshotRecord& record) {
        const absl::Status written = write(record);
        if (on_snapshot && !std::exchange(begun, true)) on_snapshot(header.revision());
        return written;
      });
    });
  }
  void PruneSnapshots() override { real_->PruneSnapshots(); }
  std::unique_ptr<journal::ArchiveReader> NewArchiveReader() override {
    return real_->NewArchiveReader();
  }
  journal::StoreSize store_size(journal::Space space) const override {
    return real_->store_size(space);
  }
  absl::StatusOr<int64_t> VerifyStore(const std::function<absl::Status()>& between) override {
    if (on_verify_store) {
      const absl::Status status = on_verify_store();
      if (!status.ok()) return status;
    }
    return real_->VerifyStore(between);
  }
  bool store_incomplete() const override { return real_->store_incomplete(); }
  absl::Status CompleteStore(absl::Span<const journal::StoreChange> puts, bool last) override {
    return real_->CompleteStore(puts, last);
  }
  absl::Status CheckHeld() override { return real_->CheckHeld(); }
  absl::StatusOr<std::optional<journal::v1::SnapshotHeader>> LoadSnapshot(
      int64_t max_revision, const journal::SnapshotSink& sink,
      const std::function<void(std::string)>& note) override {
    return real_->LoadSnapshot(max_revision, sink, note);
  }
  absl::StatusOr<std::optional<journal::v1::SnapshotHeader>> LoadOldestSnapshot(
      const journal::SnapshotSink& sink) override {
    return real_->LoadOldestSnapshot(sink);
  }
  using Journal::Backup;
  absl::StatusOr<journal::BackupInfo> Backup(const std::string& directory,
                                             const journal::KeepGoing& keep_going) override {
    absl::StatusOr<journal::BackupInfo> info = real_->Backup(directory, keep_going);
    if (after_backup) after_backup(real_->head_revision());
    return info;
  }
  int64_t size_bytes() const override { return real_->size_bytes(); }

 private:
  using RecordWriter = std::function<absl::Status(const journal::v1::SnapshotRecord&)>;

  const std::unique_ptr<journal::Journal> real_;
};

}  // namespace coordhub::engine
