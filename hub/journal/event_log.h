#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "hub/journal/entry.h"

namespace coordhub::journal {

// What an append, or another call of the writer, came to.
enum class AppendOutcome {
  // Done, and durable.
  kDurable,
  // The disk is full. Nothing was changed, and a later call may succeed.
  kFull,
  // This process does not lead any more: another one may append. Nothing was changed, and nothing
  // will be: the caller acknowledges nothing and stops.
  kFenced,
  // It is unknown what the disk holds. The caller acknowledges nothing and stops; a new start finds
  // out.
  kUnknown,
};

// Which of them a status of the writer's calls says. Pure.
AppendOutcome OutcomeOf(const absl::Status& status);

// Reads committed entries. Made by EventLog::NewReader for one thread at a time; gone before its
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
};

// The events of a workspace. One writer's thread calls Append, Compact and Checkpoint; everything
// else may be called from any thread. The writer's calls fail as OutcomeOf tells, and after
// anything but kFull the journal and its readers refuse everything with IO_FAILED. A broken
// precondition ends the process: what is wrong in the log is wrong for ever.
class EventLog {
 public:
  virtual ~EventLog() = default;

  // Newest durable revision; 0 when empty. Any thread.
  virtual int64_t head_revision() const = 0;
  // Events up to and including this one were dropped; 0: none. Any thread.
  virtual int64_t compact_revision() const = 0;

  // The most that one append may hold: bytes of events, private bytes, keys and values together
  // (SizeOf). Any thread.
  virtual size_t max_append_bytes() const = 0;

  // Appends entries (dense from head + 1, whole commits, no more than max_append_bytes) and makes
  // their changes of the store, in one synced transaction; durable when it returns OK.
  virtual absl::Status Append(absl::Span<const Entry> entries) = 0;

  // Drops events with revision <= `revision` (a commit boundary for which a snapshot at or after it
  // exists). Only moves a mark: Checkpoint gives the space back, some at a time, and
  // SnapshotStore::PruneSnapshots removes the snapshots that are not needed any more. Returns the
  // number of events dropped; 0 when `revision` is not beyond the compact revision.
  virtual absl::StatusOr<int64_t> Compact(int64_t revision) = 0;

  // Does one slice of the housekeeping that is due: writes the log back into the main file when it
  // has grown, or else deletes some of what was compacted or erased. To be called after each batch;
  // mostly does nothing. `force`: writes the log back whatever its size, and empties it, which may
  // take long; for the end. DISK_FULL does no harm.
  virtual absl::Status Checkpoint(bool force) = 0;

  virtual std::unique_ptr<JournalReader> NewReader() = 0;
};

// What an entry counts for in max_append_bytes.
size_t SizeOf(const Entry& entry);

}  // namespace coordhub::journal
