#pragma once

#include <string>

#include "absl/status/status.h"

namespace coordhub::journal {

// Looks for damage in the write-ahead log at `path` that SQLite would pass over in silence: it
// drops all frames from the first bad one on, which is right for a transaction that a power loss
// tore, and loses acknowledged events when the bad frame had been synced. FORMAT.md says how the
// two are told apart. Called while no connection is open in this process: it opens the file. A
// missing or empty log is fine. Errors: JOURNAL_DAMAGED (file), IO_FAILED.
absl::Status CheckWriteAheadLog(const std::string& path);

}  // namespace coordhub::journal
