#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "hub/journal/database.h"

namespace coordhub::journal {

// Writes zeros into an empty write-ahead log, up to `bytes`, and syncs them. A sync of blocks that
// the file has already takes a third less time than one that has to make the file longer, too; a
// log in WAL mode is written from its beginning again after each checkpoint, so this is for the
// first round. SQLite, and CheckWriteAheadLog, take a log whose header is zero for an empty one.
//
// Nothing is done when the log is not empty, and nothing is left of it when the disk is too full.
// On the connection's thread, between transactions. Errors: IO_FAILED.
absl::Status MakeLogRoom(Database* database, int64_t bytes);

}  // namespace coordhub::journal
