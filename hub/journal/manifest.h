#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace coordhub::journal {

// What a backup says of itself.
struct Manifest {
  int64_t format = 0;
  std::string written_by;
  std::string log_id;
  int64_t revision = 0;
  int64_t compact_revision = 0;
  struct File {
    // Relative to the backup: `journal.sqlite3` or `snapshots/<20 digits>.snapshot`.
    std::string name;
    int64_t size_bytes = 0;
    // Hexadecimal.
    std::string sha256;
  };
  std::vector<File> files;
};

// Adds a file of the backup in `directory`, with its size and hash. Errors: IO_FAILED.
absl::Status AddFile(const std::string& directory, const std::string& name, Manifest* manifest);

// Writes `<directory>/manifest.json`, durable. Errors: DISK_FULL, IO_FAILED.
absl::Status WriteManifest(const std::string& directory, const Manifest& manifest);

// Reads it, and checks the size and hash of every file.
// Errors: INVALID_FIELD backup (there is none), JOURNAL_TOO_NEW, JOURNAL_DAMAGED (file), IO_FAILED.
absl::StatusOr<Manifest> CheckManifest(const std::string& directory);

}  // namespace coordhub::journal
