#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "agent/base/ids.h"
#include "hub/journal/held_files.h"
#include "hub/journal/journal.h"

namespace coordhub::journal {

// The format that this build writes. See FORMAT.md.
inline constexpr int kFormatVersion = 3;

// The greatest append: what one transaction may hold without more trouble than its time.
inline constexpr size_t kMaxAppendBytes = 64 << 20;

struct SqliteOptions {
  // `<git common dir>/coordhub` or --state-dir. Made with mode 0700 when missing.
  std::string state_dir;
  // Recorded as the writer in new files.
  std::string version;
  // Mints log ids. Not owned; must outlive the journal.
  base::IdSource* ids = nullptr;
  // What the journal finds in `state_dir` is added here, and all of it is asked before an append is
  // acknowledged. Null: one of its own.
  std::shared_ptr<HeldFiles> held;
  // Asked under the lock, where there is a journal: whether it is a copy of another. It then gets a
  // new log_id and counts as restored. Null: it is not.
  std::function<absl::StatusOr<bool>()> is_copy = nullptr;
  // What the write-ahead log grows by, bytes, until Checkpoint(false) writes it back. The writer
  // waits meanwhile: about a millisecond for each MiB, and a sync.
  int64_t checkpoint_bytes = 2 << 20;
  // Size of the log from the start: syncs are faster as long as it need not grow. 0: none.
  int64_t log_room_bytes = 8 << 20;
};

// Opens or makes the journal in `<state_dir>/journal.sqlite3`, after taking the flock on
// `<state_dir>/lock` and writing the pid into it. Checks the format, the write-ahead log, a small
// database whole, and the last event; replay checks what it reads. See FORMAT.md.
//
// Errors:
//   STATE_DIR_UNUSABLE  not private, another user's, no directory, on a network file system, or the
//                       path is relative. Metadata: path.
//   WORKSPACE_LOCKED    another hub holds it. Metadata: pid (empty when it cannot be told), lock.
//   JOURNAL_TOO_NEW     nothing was changed. Metadata: file, format, written_by.
//   JOURNAL_DAMAGED     Metadata: file, and revision where it is an event.
//   DISK_FULL, IO_FAILED
// and those of `options.is_copy`.
absl::StatusOr<std::unique_ptr<Journal>> OpenSqliteJournal(const SqliteOptions& options);

// Makes the journal of `options.state_dir` out of a backup, under a new log_id and marked as
// restored. Checks every file's hash and every event's checksum first. What was made is removed
// again on errors; when it was killed, the next start refuses and it can be repeated.
//
// Errors: as OpenSqliteJournal; STATE_DIR_UNUSABLE also when the directory holds a journal or parts
// of one; INVALID_FIELD backup (not a backup).
absl::Status RestoreBackup(const std::string& backup_directory, const SqliteOptions& options);

}  // namespace coordhub::journal
