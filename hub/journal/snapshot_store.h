#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "coordhub/journal/v1/record.pb.h"

namespace coordhub::journal {

// Gives out a snapshot's records one by one.
using SnapshotSource = std::function<absl::Status(
    const std::function<absl::Status(const v1::SnapshotRecord&)>& write)>;
using SnapshotSink = std::function<absl::Status(std::shared_ptr<const v1::SnapshotRecord>)>;

// Snapshots of a workspace's state beside its events. SaveSnapshot and PruneSnapshots: any one
// thread, beside the writer. Loading: any thread.
class SnapshotStore {
 public:
  virtual ~SnapshotStore() = default;

  // Writes a snapshot of a durable revision (a commit boundary) beside the events; atomic: an
  // interrupted one is never seen. Keeps the two newest, and the oldest one that the kept events
  // continue once events were compacted. Nothing is written when compaction has passed the revision
  // meanwhile.
  // Errors: those of `source`, DISK_FULL, IO_FAILED, JOURNAL_DAMAGED; the journal stays usable.
  virtual absl::Status SaveSnapshot(const v1::SnapshotHeader& header,
                                    const SnapshotSource& source) = 0;

  // Removes those that SaveSnapshot would not keep now: after a compaction. May block on the disk.
  virtual void PruneSnapshots() = 0;

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
};

}  // namespace coordhub::journal
