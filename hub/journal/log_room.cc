#include "hub/journal/log_room.h"

#include <algorithm>
#include <string>

#include "hub/journal/errors.h"

namespace coordhub::journal {
namespace {

// SQLite's own files take less than 128 KiB at a time, and more for a full disk.
constexpr int64_t kPieceBytes = 64 << 10;

// SQLite's own handle of the log; null when it has none open.
sqlite3_file* LogOf(Database* database) {
  sqlite3_file* log = nullptr;
  const int rc =
      sqlite3_file_control(database->handle(), "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
  return rc == SQLITE_OK && log != nullptr && log->pMethods != nullptr ? log : nullptr;
}

int WriteZeros(sqlite3_file* log, int64_t bytes) {
  const std::string zeros(static_cast<size_t>(std::min(bytes, kPieceBytes)), '\0');
  for (int64_t at = 0; at < bytes; at += kPieceBytes) {
    const int64_t piece = std::min(bytes - at, kPieceBytes);
    const int rc = log->pMethods->xWrite(log, zeros.data(), static_cast<int>(piece), at);
    if (rc != SQLITE_OK) return rc;
  }
  return log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
}

}  // namespace

absl::Status MakeLogRoom(Database* database, int64_t bytes) {
  sqlite3_file* const log = LogOf(database);
  sqlite3_int64 size = 0;
  if (log == nullptr || log->pMethods->xFileSize(log, &size) != SQLITE_OK || size > 0) {
    return absl::OkStatus();
  }
  const int written = WriteZeros(log, bytes);
  if (written == SQLITE_OK) return absl::OkStatus();
  const int undone = log->pMethods->xTruncate(log, 0);
  const absl::Status status = database->ErrorOf(written, "make room in the log");
  return undone == SQLITE_OK && (written == SQLITE_FULL || IsDiskFull(status)) ? absl::OkStatus()
                                                                               : status;
}

}  // namespace coordhub::journal
