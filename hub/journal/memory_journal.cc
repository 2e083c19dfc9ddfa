#include "hub/journal/memory_journal.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "agent/base/error.h"
#include "agent/base/mutex.h"
#include "hub/journal/errors.h"
#include "hub/journal/require.h"
#include "hub/journal/snapshot_store.h"

namespace coordhub::journal {
namespace {

constexpr size_t kMaxEntries = 1000;

struct MemorySnapshot {
  v1::SnapshotHeader header;
  std::vector<std::shared_ptr<const v1::SnapshotRecord>> records;
};

// What the journal and its readers share.
struct MemoryLog {
  base::Mutex mu;
  // By revision; dense after `compact`.
  std::map<int64_t, Entry> events ABSL_GUARDED_BY(mu);
  std::map<int64_t, Entry> pinned ABSL_GUARDED_BY(mu);
  std::map<int64_t, std::shared_ptr<const MemorySnapshot>> snapshots ABSL_GUARDED_BY(mu);
  int64_t head ABSL_GUARDED_BY(mu) = 0;
  int64_t compact ABSL_GUARDED_BY(mu) = 0;
};

void Prune(MemoryLog* log) ABSL_EXCLUSIVE_LOCKS_REQUIRED(log->mu) {
  std::vector<int64_t> revisions;
  for (const auto& [revision, snapshot] : log->snapshots) revisions.push_back(revision);
  const std::vector<int64_t> kept = SnapshotsToKeep(revisions, log->compact);
  for (const int64_t revision : revisions) {
    if (!std::binary_search(kept.begin(), kept.end(), revision)) log->snapshots.erase(revision);
  }
}

class MemoryReader final : public JournalReader {
 public:
  explicit MemoryReader(std::shared_ptr<MemoryLog> log) : log_(std::move(log)) {}

  absl::Status Read(int64_t after, size_t max_entries, size_t max_bytes,
                    std::vector<Entry>* entries) override {
    Require(after >= 0, "Read: bad range");
    base::MutexLock lock(&log_->mu);
    if (after < log_->compact) return Compacted(log_->compact, log_->head);
    size_t left = std::min(max_entries, kMaxEntries);
    size_t room = max_bytes;
    for (auto it = log_->events.upper_bound(after); it != log_->events.end() && left > 0; ++it) {
      const size_t size = it->second.event_bytes.size() + it->second.private_bytes.size();
      if (size > room && it->first > after + 1) break;
      room -= std::min(size, room);
      entries->push_back(it->second);
      --left;
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<Entry>> ReadCommit(CommitRange range) override {
    base::MutexLock lock(&log_->mu);
    Require(range.first >= 1 && range.first <= range.second && range.second <= log_->head,
            "ReadCommit: no such commit");
    const bool compacted = range.first <= log_->compact;
    const std::map<int64_t, Entry>& table = compacted ? log_->pinned : log_->events;
    std::vector<Entry> entries;
    for (auto it = table.lower_bound(range.first); it != table.end() && it->first <= range.second;
         ++it) {
      entries.push_back(it->second);
    }
    if (entries.empty()) return Compacted(log_->compact, log_->head);
    return entries;
  }

 private:
  const std::shared_ptr<MemoryLog> log_;
};

class MemoryJournal final : public Journal {
 public:
  explicit MemoryJournal(std::string log_id)
      : log_id_(std::move(log_id)), log_(std::make_shared<MemoryLog>()) {}

  Identity identity() const override { return {log_id_, false}; }
  int64_t head_revision() const override {
    base::MutexLock lock(&log_->mu);
    return log_->head;
  }
  int64_t compact_revision() const override {
    base::MutexLock lock(&log_->mu);
    return log_->compact;
  }

  absl::Status Append(absl::Span<const Entry> entries) override {
    base::MutexLock lock(&log_->mu);
    RequireWholeCommits(entries, log_->head);
    for (const Entry& entry : entries) log_->events.emplace(entry.revision, entry);
    if (!entries.empty()) log_->head = entries.back().revision;
    return absl::OkStatus();
  }

  absl::StatusOr<int64_t> Compact(int64_t revision, absl::Span<const CommitRange> pinned) override {
    base::MutexLock lock(&log_->mu);
    Require(revision <= log_->head, "Compact: beyond the head");
    if (revision < log_->compact) return 0;
    Require(revision == log_->compact ||
                (!log_->snapshots.empty() && log_->snapshots.rbegin()->first >= revision),
            "Compact: no snapshot continues at the revision");
    std::map<int64_t, Entry> kept;
    for (const CommitRange& range : pinned) {
      if (range.second > revision) continue;
      const std::map<int64_t, Entry>& from =
          range.first <= log_->compact ? log_->pinned : log_->events;
      kept.insert(from.lower_bound(range.first), from.upper_bound(range.second));
    }
    const auto end = log_->events.upper_bound(revision);
    const int64_t passed = std::distance(log_->events.begin(), end);
    const int64_t copied = std::distance(kept.upper_bound(log_->compact), kept.end());
    if (passed > 0) {
      Require(std::prev(end)->second.commit_revision == revision,
              "Compact: not at the end of a commit");
    }
    log_->events.erase(log_->events.begin(), end);
    log_->pinned = std::move(kept);
    log_->compact = revision;
    Prune(log_.get());
    return passed - copied;
  }

  absl::Status Checkpoint(bool) override { return absl::OkStatus(); }
  absl::Status ClearRestored() override { return absl::OkStatus(); }
  std::unique_ptr<JournalReader> NewReader() override {
    return std::make_unique<MemoryReader>(log_);
  }

  absl::Status SaveSnapshot(const v1::SnapshotHeader& header,
                            const SnapshotSource& source) override {
    Require(header.revision() > 0 && header.revision() <= head_revision(),
            "SaveSnapshot: not of a durable revision");
    auto snapshot = std::make_shared<MemorySnapshot>();
    snapshot->header = header;
    absl::Status status = source([&snapshot](const v1::SnapshotRecord& record) {
      snapshot->records.push_back(std::make_shared<v1::SnapshotRecord>(record));
      return absl::OkStatus();
    });
    if (!status.ok()) return status;
    snapshot->header.set_record_count(static_cast<int64_t>(snapshot->records.size()));
    base::MutexLock lock(&log_->mu);
    if (header.revision() < log_->compact) return absl::OkStatus();
    log_->snapshots[header.revision()] = std::move(snapshot);
    Prune(log_.get());
    return absl::OkStatus();
  }

  absl::StatusOr<std::optional<v1::SnapshotHeader>> LoadSnapshot(
      int64_t max_revision, const SnapshotSink& sink,
      const std::function<void(std::string)>&) override {
    std::shared_ptr<const MemorySnapshot> found;
    {
      base::MutexLock lock(&log_->mu);
      for (const auto& [revision, snapshot] : log_->snapshots) {
        if (revision <= max_revision) found = snapshot;
      }
    }
    return GiveOut(found.get(), sink);
  }

  absl::StatusOr<std::optional<v1::SnapshotHeader>> LoadOldestSnapshot(
      const SnapshotSink& sink) override {
    std::shared_ptr<const MemorySnapshot> found;
    {
      base::MutexLock lock(&log_->mu);
      if (!log_->snapshots.empty()) found = log_->snapshots.begin()->second;
    }
    return GiveOut(found.get(), sink);
  }

  absl::StatusOr<BackupInfo> Backup(const std::string&) override {
    return base::MakeError(base::pb::ERROR_REASON_NOT_IMPLEMENTED,
                           "a journal in memory has no backups", {{"method", "Backup"}});
  }

  int64_t size_bytes() const override { return 0; }

 private:
  static absl::StatusOr<std::optional<v1::SnapshotHeader>> GiveOut(const MemorySnapshot* snapshot,
                                                                   const SnapshotSink& sink) {
    if (snapshot == nullptr) return std::nullopt;
    for (const auto& record : snapshot->records) {
      const absl::Status status = sink(record);
      if (!status.ok()) return status;
    }
    return snapshot->header;
  }

  const std::string log_id_;
  const std::shared_ptr<MemoryLog> log_;
};

}  // namespace

std::unique_ptr<Journal> NewMemoryJournal(std::string log_id) {
  return std::make_unique<MemoryJournal>(std::move(log_id));
}

}  // namespace coordhub::journal
