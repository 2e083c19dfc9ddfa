#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/base/mutex.h"
#include "hub/journal/checksum.h"
#include "hub/journal/journal.h"
#include "hub/journal/snapshot_file.h"

namespace coordhub::journal {

// Which of the snapshots at `revisions` (ascending) stay: the two newest, and the oldest one that
// the events after `compact_revision` continue when the log no longer begins at its first event.
// Pure.
std::vector<int64_t> SnapshotsToKeep(const std::vector<int64_t>& revisions,
                                     int64_t compact_revision);

// The snapshots in a directory. Thread-safe; Save and Prune block on the disk, and not under the
// lock.
class SnapshotDirectory {
 public:
  explicit SnapshotDirectory(std::string directory) : directory_(std::move(directory)) {}

  // Makes the directory if it is missing, removes what a crash left half written, and finds the
  // snapshots. Errors: STATE_DIR_UNUSABLE, IO_FAILED.
  absl::Status Open();

  std::string PathOf(int64_t revision) const;

  // Writes a snapshot, atomic and durable. One caller at a time. Errors: as WriteSnapshotFile.
  absl::Status Save(const v1::SnapshotHeader& header, const Checksum& checksum,
                    const SnapshotSource& source);

  // Opens a snapshot, and checks that it is whole and of the log in which the event at its revision
  // has `checksum`. Errors: JOURNAL_DAMAGED (file), IO_FAILED.
  absl::StatusOr<std::unique_ptr<SnapshotFile>> Load(int64_t revision,
                                                     const Checksum& checksum) const;

  // Removes those that SnapshotsToKeep does not name; nothing while somebody holds them. A failure
  // leaves files that the next start finds.
  void Prune(int64_t compact_revision);

  // Keeps Prune from removing any that revisions() names, until Release. Calls nest.
  void Hold();
  void Release();

  // Revisions of durable snapshots, ascending.
  std::vector<int64_t> revisions() const;
  // The newest one; 0 when there is none.
  int64_t newest() const;
  int64_t size_bytes() const;

 private:
  const std::string directory_;
  mutable base::Mutex mu_;
  std::vector<int64_t> revisions_ ABSL_GUARDED_BY(mu_);
  int holds_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace coordhub::journal
