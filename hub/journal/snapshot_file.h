#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "hub/journal/checksum.h"
#include "hub/journal/journal.h"

// One snapshot as a file. FORMAT.md says how it is laid out. Blocks on the disk.
namespace coordhub::journal {

// Writes a whole snapshot to the new file `path`, synced. What is left of a failure is the caller's
// to remove. `checksum`: that of the event at the snapshot's revision. Errors: those of `source`,
// DISK_FULL, IO_FAILED.
absl::Status WriteSnapshotFile(const std::string& path, const v1::SnapshotHeader& header,
                               const Checksum& checksum, const SnapshotSource& source);

// A snapshot that was found to be whole.
class SnapshotFile {
 public:
  // Reads the file once and checks that it is whole.
  // Errors: JOURNAL_DAMAGED (file), IO_FAILED.
  static absl::StatusOr<std::unique_ptr<SnapshotFile>> Open(const std::string& path);
  virtual ~SnapshotFile() = default;

  // With record_count.
  virtual const v1::SnapshotHeader& header() const = 0;
  virtual const Checksum& checksum() const = 0;
  // Gives out all records. Errors: those of `sink`, JOURNAL_DAMAGED (a record cannot be parsed),
  // IO_FAILED.
  virtual absl::Status ReadRecords(const SnapshotSink& sink) = 0;
};

}  // namespace coordhub::journal
