#include "hub/journal/database.h"

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "agent/base/string_view.h"
#include "hub/journal/errors.h"

namespace coordhub::journal {
namespace {

// Whether `rc` says that space ran out before anything was committed. Not so for other I/O errors
// with the same errno: a sync, or an extension of the index after the sync, may follow a commit
// mark that is already in the log.
bool RanOutOfSpace(int rc, int system_error) {
  if ((rc & 0xff) == SQLITE_FULL) return true;
  if (system_error != ENOSPC && system_error != EDQUOT) return false;
  return rc == SQLITE_IOERR_WRITE || (rc & 0xff) == SQLITE_CANTOPEN;
}

bool SaysDamaged(int rc) {
  switch (rc & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    // Our statements are right, so the tables are not what they were.
    case SQLITE_ERROR:
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
      return true;
    default:
      return false;
  }
}

}  // namespace

void Statement::BindBlob(int index, std::string_view bytes) {
  // A null pointer would bind NULL.
  const char* data = bytes.empty() ? "" : bytes.data();
  sqlite3_bind_blob64(statement_.get(), index, data, bytes.size(), SQLITE_STATIC);
}

void Statement::BindText(int index, std::string_view text) {
  const char* data = text.empty() ? "" : text.data();
  sqlite3_bind_text64(statement_.get(), index, data, text.size(), SQLITE_STATIC, SQLITE_UTF8);
}

int Statement::Run() {
  const int rc = Step();
  Reset();
  return rc;
}

std::string_view Statement::Bytes(int column) const {
  // In this order: the first call may convert, the second then gives the size of the result.
  const void* data = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return {static_cast<const char*>(data), data == nullptr ? 0 : static_cast<size_t>(size)};
}

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const std::string& path, Access access) {
  const bool read_only = access == Access::kRead;
  const int flags = (read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) |
                    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_NOFOLLOW |
                    SQLITE_OPEN_EXRESCODE;
  sqlite3* handle = nullptr;
  const int rc = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  std::unique_ptr<Database> database(new Database(path, handle));
  if (rc != SQLITE_OK) return database->ErrorOf(rc, "open");
  sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_wal_autocheckpoint(handle, 0);
  COORDHUB_RETURN_IF_ERROR(database->Execute(
      "PRAGMA cell_size_check=ON; PRAGMA trusted_schema=OFF; PRAGMA temp_store=MEMORY"));
  if (read_only) COORDHUB_RETURN_IF_ERROR(database->Execute("PRAGMA query_only=ON"));
  return database;
}

absl::Status Database::Execute(const char* sql) {
  const int rc = sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr);
  return rc == SQLITE_OK ? absl::OkStatus() : ErrorOf(rc, sql);
}

absl::StatusOr<int64_t> Database::QueryInt(const char* sql) {
  COORDHUB_ASSIGN_OR_RETURN(Statement statement, Prepare(sql));
  const int rc = statement.Step();
  if (rc == SQLITE_DONE) return 0;
  if (rc != SQLITE_ROW) return ErrorOf(rc, sql);
  return statement.Int(0);
}

absl::StatusOr<std::string> Database::QueryText(const char* sql) {
  COORDHUB_ASSIGN_OR_RETURN(Statement statement, Prepare(sql));
  const int rc = statement.Step();
  if (rc == SQLITE_DONE) return std::string();
  if (rc != SQLITE_ROW) return ErrorOf(rc, sql);
  return std::string(statement.Bytes(0));
}

absl::StatusOr<Statement> Database::Prepare(const char* sql) {
  sqlite3_stmt* statement = nullptr;
  const int rc =
      sqlite3_prepare_v3(handle_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (rc != SQLITE_OK) return ErrorOf(rc, sql);
  return Statement(statement);
}

absl::Status Database::ErrorOf(int rc, std::string_view operation) const {
  const int system_error = handle_ == nullptr ? 0 : sqlite3_system_errno(handle_.get());
  const char* text = handle_ == nullptr ? sqlite3_errstr(rc) : sqlite3_errmsg(handle_.get());
  if (SaysDamaged(rc)) return Damaged(path_, text);
  const base::pb::ErrorReason reason = RanOutOfSpace(rc, system_error)
                                           ? base::pb::ERROR_REASON_DISK_FULL
                                           : base::pb::ERROR_REASON_IO_FAILED;
  return base::MakeError(reason,
                         absl::StrCat(base::ToAbsl(operation), " on ", path_, " failed: ", text,
                                      " (SQLite ", rc, ", errno ", system_error, ")"),
                         {{"operation", std::string(operation)}, {"path", path_}});
}

}  // namespace coordhub::journal
