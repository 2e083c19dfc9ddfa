#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "hub/journal/snapshot_directory.h"
#include "hub/journal/sqlite_reader.h"

namespace coordhub::journal {

// What is backed up. Meanwhile no row of events or of the store is deleted and no snapshot is
// removed; the writer goes on otherwise.
struct BackupSource {
  const JournalState* state;
  const SnapshotDirectory* snapshots;
  std::string log_id;
  std::string version;
  bool store_complete = true;
};

// Copies the log up to its present head and the store as of then, checking every event and row on
// the way, and the newest snapshot that goes with it, into the new directory `directory`. A few
// events a transaction, so that the write-ahead log can be reset meanwhile. What was made is
// removed again on errors, which are those of Journal::Backup and JOURNAL_DAMAGED (file, revision).
absl::StatusOr<BackupInfo> WriteBackup(const BackupSource& source, const std::string& directory,
                                       const KeepGoing& keep_going);

}  // namespace coordhub::journal
