#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "hub/journal/archive.h"
#include "hub/journal/entry.h"
#include "hub/journal/event_log.h"
#include "hub/journal/leadership.h"
#include "hub/journal/snapshot_store.h"

namespace coordhub::journal {

// What a backup holds.
struct BackupInfo {
  int64_t revision = 0;
  int64_t size_bytes = 0;
};

// How long work is followed and stopped: told now and then how much of it is done (0 to 100), on
// the thread that works. False: give up.
using KeepGoing = std::function<bool(int percent)>;

// The durable memory of one workspace: its events, snapshots of its state, the store of its private
// bytes, and the right to append. Owned by the engine. One writer's thread; what another thread may
// call says so.
class Journal : public EventLog, public SnapshotStore, public Archive, public Leadership {
 public:
  virtual Identity identity() const = 0;

  // Forgets that the log was restored (its sessions were ended). Writer's thread; fails as Append.
  virtual absl::Status ClearRestored() = 0;

  // Copies everything as of one revision into a new directory, while the writer goes on; every
  // event and every row of the store is checked on the way. Nothing is left there on errors. Any
  // one thread. `keep_going` may be null. Errors: INVALID_FIELD directory (not new, not absolute),
  // DISK_FULL, JOURNAL_DAMAGED, IO_FAILED, HUB_DRAINING (`keep_going` said no), NOT_IMPLEMENTED (in
  // memory).
  virtual absl::StatusOr<BackupInfo> Backup(const std::string& directory,
                                            const KeepGoing& keep_going) = 0;
  absl::StatusOr<BackupInfo> Backup(const std::string& directory) {
    return Backup(directory, nullptr);
  }

  // Bytes on disk (0 in memory). Any thread.
  virtual int64_t size_bytes() const = 0;
};

}  // namespace coordhub::journal
