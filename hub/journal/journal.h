#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "coordhub/journal/v1/record.pb.h"

namespace coordhub::journal {

// One event as it is kept: the public event's bytes, and private bytes that are never streamed.
struct Entry {
  int64_t revision = 0;
  int64_t commit_revision = 0;
  // Serialized coordhub.v1.Event: exactly the bytes that go on streams.
  std::string event_bytes;
  // Serialized CommitPrivate; empty for most.
  std::string private_bytes;
};

// First and last revision of a commit.
using CommitRange = std::pair<int64_t, int64_t>;

// What a journal is, apart from its entries.
struct Identity {
  // Names the log: 32 hex digits, minted when it was made or restored.
  std::string log_id;
  // Sessions from before a restore have not been ended yet.
  bool restored = false;
};

// Reads committed entries. Made by Journal::NewReader for one thread at a time; gone before its
// journal. Sees commits that were durable when a call began. Never blocks the writer, never
// checkpoints.
//
// Errors of all calls, beside those that are named:
//   JOURNAL_DAMAGED  a checksum does not match or an event is missing. Metadata: file, revision.
//   IO_FAILED        reading failed; or the writer failed earlier, and everything is refused.
class JournalReader {
 public:
  virtual ~JournalReader() = default;

  // Appends to `entries` those with `after` < revision, in order: at most `max_entries` and 1,000,
  // and as many as fit into `max_bytes`, but at least one if there is one. May end inside a commit.
  // Errors: REVISION_COMPACTED (`after` < compact revision; metadata compact_revision,
  // head_revision).
  virtual absl::Status Read(int64_t after, size_t max_entries, size_t max_bytes,
                            std::vector<Entry>* entries) = 0;

  // The entries of one commit up to the head, also when compaction dropped them but its range was
  // pinned. Errors: REVISION_COMPACTED when they are gone.
  virtual absl::StatusOr<std::vector<Entry>> ReadCommit(CommitRange range) = 0;
};

// Gives out a snapshot's records one by one.
using SnapshotSource = std::function<absl::Status(
    const std::function<absl::Status(const v1::SnapshotRecord&)>& write)>;
using SnapshotSink = std::function<absl::Status(std::shared_ptr<const v1::SnapshotRecord>)>;

// What a backup holds.
struct BackupInfo {
  int64_t revision = 0;
  int64_t size_bytes = 0;
};

// The durable log of one workspace: events, snapshots, identity. One writer thread calls Append,
// Compact, Checkpoint and ClearRestored; everything else may be called from any thread. Owned by
// the engine; open journals hold the workspace's lock where they have one on disk.
//
// Errors of the writer's calls:
//   DISK_FULL        nothing was changed, and a later call may succeed.
//   IO_FAILED, JOURNAL_DAMAGED  it is unknown what the disk holds. The caller stops the process and
//                    never tries again; until then the journal and its readers refuse everything
//                    with IO_FAILED. A new start finds out.
// A broken precondition ends the process: what is wrong in the log is wrong for ever.
class Journal {
 public:
  virtual ~Journal() = default;

  virtual Identity identity() const = 0;
  // Newest durable revision; 0 when empty. Any thread.
  virtual int64_t head_revision() const = 0;
  // Events up to and including this one were dropped; 0: none. Any thread.
  virtual int64_t compact_revision() const = 0;

  // Appends entries (dense from head + 1, whole commits) in one synced transaction; durable when it
  // returns OK. Writer's thread.
  virtual absl::Status Append(absl::Span<const Entry> entries) = 0;

  // Drops events with revision <= `revision` (a commit boundary for which a snapshot at or after it
  // exists), except those of `pinned` commits, which ReadCommit still finds; pinned ones from
  // earlier compactions that are not in `pinned` go too. Only moves a mark and copies pinned
  // events: Checkpoint gives the space back, some at a time. Returns the number of events dropped;
  // 0 when `revision` is not beyond the compact revision. Writer's thread.
  virtual absl::StatusOr<int64_t> Compact(int64_t revision,
                                          absl::Span<const CommitRange> pinned) = 0;

  // Writes the log back into the main file when it has grown (or `force`), and deletes some of what
  // was compacted. To be called after each batch; mostly does nothing. Some milliseconds at most
  // unless the log is large. DISK_FULL does no harm. Writer's thread.
  virtual absl::Status Checkpoint(bool force) = 0;

  // Forgets that the log was restored (its sessions were ended). Writer's thread.
  virtual absl::Status ClearRestored() = 0;

  virtual std::unique_ptr<JournalReader> NewReader() = 0;

  // Writes a snapshot of a durable revision (a commit boundary) beside the events; atomic: an
  // interrupted one is never seen. Keeps the two newest, and the oldest one that the kept events
  // continue once events were compacted. Nothing is written when compaction has passed the revision
  // meanwhile. Any one thread, beside the writer.
  // Errors: those of `source`, DISK_FULL, IO_FAILED, JOURNAL_DAMAGED; the journal stays usable.
  virtual absl::Status SaveSnapshot(const v1::SnapshotHeader& header,
                                    const SnapshotSource& source) = 0;
  // Reads the newest snapshot at or before `max_revision` that is whole; a damaged one is skipped
  // for an older one (and reported through `note`). Nullopt: there is none, begin from nothing.
  // Errors: those of `sink`, JOURNAL_DAMAGED, IO_FAILED.
  virtual absl::StatusOr<std::optional<v1::SnapshotHeader>> LoadSnapshot(
      int64_t max_revision, const SnapshotSink& sink,
      const std::function<void(std::string)>& note) = 0;
  // As LoadSnapshot, but the oldest whole one that the kept events continue: the start of a fold
  // from zero.
  virtual absl::StatusOr<std::optional<v1::SnapshotHeader>> LoadOldestSnapshot(
      const SnapshotSink& sink) = 0;

  // Copies everything into a new directory, while the writer goes on; every event is checked on the
  // way. Nothing is left there on errors. Any one thread.
  // Errors: INVALID_FIELD directory (not new, not absolute), DISK_FULL, JOURNAL_DAMAGED, IO_FAILED,
  // NOT_IMPLEMENTED (in memory).
  virtual absl::StatusOr<BackupInfo> Backup(const std::string& directory) = 0;

  // Bytes on disk (0 in memory). Any thread.
  virtual int64_t size_bytes() const = 0;
};

}  // namespace coordhub::journal
