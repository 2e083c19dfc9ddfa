#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "agent/base/ids.h"
#include "hub/journal/journal.h"

namespace coordhub::journal {

// The format that this build writes. See FORMAT.md.
inline constexpr int kFormatVersion = 1;

struct SqliteOptions {
  // `<git common dir>/coordhub` or --state-dir. Made with mode 0700 when missing.
  std::string state_dir;
  // Recorded as the writer in new files.
  std::string version;
  // Mints log ids. Not owned; must outlive the journal.
  base::IdSource* ids = nullptr;
  // Size of the write-ahead log that makes Checkpoint(false) act, bytes.
  int64_t checkpoint_bytes = 16 << 20;
  // Name of the SQLite VFS below; empty: the default one. Tests cut the power with it.
  std::string vfs;
};

// Opens or makes the journal in `<state_dir>/journal.sqlite3`, taking the flock on
// `<state_dir>/lock` first (and writing the pid into it). Checks format, checksums of the tail
// lazily (replay checks all that it reads). Errors: WORKSPACE_LOCKED (metadata pid, lock),
// JOURNAL_TOO_NEW (format, written_by, file), JOURNAL_DAMAGED (file, revision or what is wrong),
// STATE_DIR_UNUSABLE (path: network file system, wrong owner, not a directory), DISK_FULL,
// IO_FAILED.
absl::StatusOr<std::unique_ptr<Journal>> OpenSqliteJournal(const SqliteOptions& options);

// Makes the journal of `options.state_dir` (which must hold none) out of a backup, under a new
// log_id and marked as restored. Checks every checksum first. Errors: as OpenSqliteJournal, and
// INVALID_FIELD backup.
absl::Status RestoreBackup(const std::string& backup_directory, const SqliteOptions& options);

}  // namespace coordhub::journal
