#include "hub/journal/memory_journal.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "agent/base/error.h"
#include "agent/base/mutex.h"
#include "hub/journal/errors.h"
#include "hub/journal/require.h"
#include "hub/journal/snapshot_directory.h"
#include "hub/journal/store_writer.h"

namespace coordhub::journal {
namespace {

constexpr size_t kMaxEntries = 1000;
constexpr size_t kMaxAppendBytes = 64 << 20;

struct MemorySnapshot {
  v1::SnapshotHeader header;
  std::vector<std::shared_ptr<const v1::SnapshotRecord>> records;
};

using MemorySpace = std::map<std::string, std::string>;

// What the journal and its readers share.
struct MemoryLog {
  base::Mutex mu;
  // By revision; dense after `compact`. Without changes of the store, which are made at once.
  std::map<int64_t, Entry> events ABSL_GUARDED_BY(mu);
  std::array<MemorySpace, std::size(kSpaces)> store ABSL_GUARDED_BY(mu);
  StoreSizes sizes ABSL_GUARDED_BY(mu);
  bool store_incomplete ABSL_GUARDED_BY(mu) = false;
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

void Change(MemoryLog* log, absl::Span<const StoreChange> changes)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(log->mu) {
  for (const StoreChange& change : changes) {
    MemorySpace& space = log->store[IndexOf(change.space)];
    StoreSize& size = log->sizes[IndexOf(change.space)];
    if (const auto old = space.find(change.key); old != space.end()) {
      size.rows -= 1;
      size.bytes -= static_cast<int64_t>(old->second.size());
      space.erase(old);
    }
    if (!change.value) continue;
    space.emplace(change.key, *change.value);
    size.rows += 1;
    size.bytes += static_cast<int64_t>(change.value->size());
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

 private:
  const std::shared_ptr<MemoryLog> log_;
};

class MemoryArchiveReader final : public ArchiveReader {
 public:
  explicit MemoryArchiveReader(std::shared_ptr<MemoryLog> log) : log_(std::move(log)) {}

  absl::StatusOr<std::optional<std::string>> Get(Space space, std::string_view key) override {
    base::MutexLock lock(&log_->mu);
    return Find(space, std::string(key));
  }

  absl::StatusOr<std::vector<std::optional<std::string>>> GetMany(
      Space space, absl::Span<const std::string> keys, size_t max_bytes) override {
    base::MutexLock lock(&log_->mu);
    std::vector<std::optional<std::string>> values;
    size_t room = max_bytes;
    for (const std::string& key : keys.subspan(0, kMaxEntries)) {
      std::optional<std::string> value = Find(space, key);
      const size_t size = value ? value->size() : 0;
      if (size > room && !values.empty()) break;
      room -= std::min(size, room);
      values.push_back(std::move(value));
    }
    return values;
  }

  absl::StatusOr<std::vector<StoreRow>> Scan(const StoreScan& scan) override {
    base::MutexLock lock(&log_->mu);
    const MemorySpace& space = log_->store[IndexOf(scan.space)];
    std::vector<StoreRow> rows;
    if (scan.descending) {
      for (auto it = space.rbegin(); it != space.rend(); ++it) {
        if (Admits(scan, it->first) && !Take(*it, scan, &rows)) return rows;
      }
      return rows;
    }
    for (const auto& row : space) {
      if (Admits(scan, row.first) && !Take(row, scan, &rows)) return rows;
    }
    return rows;
  }

 private:
  static bool Admits(const StoreScan& scan, const std::string& key) {
    if (key.compare(0, scan.prefix.size(), scan.prefix) != 0) return false;
    if (!scan.after) return true;
    return scan.descending ? key < *scan.after : key > *scan.after;
  }
  // False: there is no room for the row.
  static bool Take(const MemorySpace::value_type& row, const StoreScan& scan,
                   std::vector<StoreRow>* rows) {
    size_t bytes = row.first.size() + row.second.size();
    for (const StoreRow& taken : *rows) bytes += taken.key.size() + taken.value.size();
    if (!rows->empty() && bytes > scan.max_bytes) return false;
    if (rows->size() >= std::min(scan.max_rows, kMaxEntries)) return false;
    rows->push_back({row.first, row.second});
    return true;
  }
  std::optional<std::string> Find(Space space, const std::string& key) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(log_->mu) {
    const auto row = log_->store[IndexOf(space)].find(key);
    if (row == log_->store[IndexOf(space)].end()) return std::nullopt;
    return row->second;
  }

  const std::shared_ptr<MemoryLog> log_;
};

class MemoryJournal final : public Journal {
 public:
  explicit MemoryJournal(const MemoryOptions& options)
      : log_id_(options.log_id), log_(std::make_shared<MemoryLog>()) {
    base::MutexLock lock(&log_->mu);
    log_->store_incomplete = options.store_incomplete;
  }

  Identity identity() const override { return {log_id_, false}; }
  int64_t head_revision() const override {
    base::MutexLock lock(&log_->mu);
    return log_->head;
  }
  int64_t compact_revision() const override {
    base::MutexLock lock(&log_->mu);
    return log_->compact;
  }

  size_t max_append_bytes() const override { return kMaxAppendBytes; }
  absl::Status Append(absl::Span<const Entry> entries) override {
    base::MutexLock lock(&log_->mu);
    RequireWholeCommits(entries, log_->head, kMaxAppendBytes);
    for (const Entry& entry : entries) {
      log_->events.emplace(
          entry.revision,
          Entry{entry.revision, entry.commit_revision, entry.event_bytes, entry.private_bytes, {}});
      Require(!log_->store_incomplete || entry.store.empty(), "Append: the store is incomplete");
      Change(log_.get(), entry.store);
    }
    if (!entries.empty()) log_->head = entries.back().revision;
    return absl::OkStatus();
  }

  absl::StatusOr<int64_t> Compact(int64_t revision) override {
    base::MutexLock lock(&log_->mu);
    Require(revision <= log_->head, "Compact: beyond the head");
    if (revision <= log_->compact) return 0;
    Require(!log_->snapshots.empty() && log_->snapshots.rbegin()->first >= revision,
            "Compact: no snapshot continues at the revision");
    const auto end = log_->events.upper_bound(revision);
    Require(std::prev(end)->second.commit_revision == revision,
            "Compact: not at the end of a commit");
    log_->events.erase(log_->events.begin(), end);
    return revision - std::exchange(log_->compact, revision);
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

  void PruneSnapshots() override {
    base::MutexLock lock(&log_->mu);
    Prune(log_.get());
  }

  absl::StatusOr<std::optional<v1::SnapshotHeader>> LoadSnapshot(
      int64_t max_revision, const SnapshotSink& sink,
      const std::function<void(std::string)>&) override {
    std::shared_ptr<const MemorySnapshot> found;
    {
      base::MutexLock lock(&log_->mu);
      for (const auto& [revision, snapshot] : log_->snapshots) {
        if (revision >= log_->compact && revision <= max_revision) found = snapshot;
      }
    }
    return GiveOut(found.get(), sink);
  }

  absl::StatusOr<std::optional<v1::SnapshotHeader>> LoadOldestSnapshot(
      const SnapshotSink& sink) override {
    std::shared_ptr<const MemorySnapshot> found;
    {
      base::MutexLock lock(&log_->mu);
      const auto oldest = log_->snapshots.lower_bound(log_->compact);
      if (oldest != log_->snapshots.end()) found = oldest->second;
    }
    return GiveOut(found.get(), sink);
  }

  std::unique_ptr<ArchiveReader> NewArchiveReader() override {
    return std::make_unique<MemoryArchiveReader>(log_);
  }
  StoreSize store_size(Space space) const override {
    base::MutexLock lock(&log_->mu);
    return log_->sizes[IndexOf(space)];
  }
  absl::StatusOr<int64_t> VerifyStore(const std::function<absl::Status()>&) override {
    base::MutexLock lock(&log_->mu);
    int64_t rows = 0;
    for (const StoreSize& size : log_->sizes) rows += size.rows;
    return rows;
  }
  bool store_incomplete() const override {
    base::MutexLock lock(&log_->mu);
    return log_->store_incomplete;
  }
  absl::Status CompleteStore(absl::Span<const StoreChange> puts, bool last) override {
    base::MutexLock lock(&log_->mu);
    Require(log_->store_incomplete, "CompleteStore: the store is complete");
    RequireStoreChanges(puts);
    Change(log_.get(), puts);
    log_->store_incomplete = !last;
    return absl::OkStatus();
  }

  // Nobody else can have it.
  absl::Status CheckHeld() override { return absl::OkStatus(); }

  using Journal::Backup;
  absl::StatusOr<BackupInfo> Backup(const std::string&, const KeepGoing&) override {
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
  return NewMemoryJournal(MemoryOptions{std::move(log_id)});
}

std::unique_ptr<Journal> NewMemoryJournal(const MemoryOptions& options) {
  return std::make_unique<MemoryJournal>(options);
}

}  // namespace coordhub::journal
