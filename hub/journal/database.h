#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace coordhub::journal {

class Database;

// A prepared statement of a Database, which must outlive it. Used by the connection's thread.
//
//   select.Bind(1, revision);
//   const int rc = select.Step();
//   ...
//   select.Reset();  // or: Statement::Run, which steps once and resets
class Statement {
 public:
  Statement() = default;

  void Bind(int index, int64_t value) { sqlite3_bind_int64(statement_.get(), index, value); }
  // The bytes are not copied: they must live until Reset. Empty is an empty blob.
  void BindBlob(int index, std::string_view bytes);
  void BindText(int index, std::string_view text);
  void BindNull(int index) { sqlite3_bind_null(statement_.get(), index); }

  // SQLITE_ROW, SQLITE_DONE, or an extended error code.
  int Step() { return sqlite3_step(statement_.get()); }
  // Ends the execution; bindings stay.
  void Reset() { sqlite3_reset(statement_.get()); }
  // Step and Reset of a statement without rows: SQLITE_DONE or an extended error code.
  int Run();

  bool IsBlob(int column) const {
    return sqlite3_column_type(statement_.get(), column) == SQLITE_BLOB;
  }
  int64_t Int(int column) const { return sqlite3_column_int64(statement_.get(), column); }
  // Valid until the next Step or Reset.
  std::string_view Bytes(int column) const;

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

// Resets a statement when it goes: a statement that was left in the middle keeps its read
// transaction open.
class StatementReset {
 public:
  explicit StatementReset(Statement* statement) : statement_(*statement) {}
  StatementReset(const StatementReset&) = delete;
  StatementReset& operator=(const StatementReset&) = delete;
  ~StatementReset() { statement_.Reset(); }

 private:
  Statement& statement_;
};

// A connection to a SQLite file that exists. Never follows symbolic links in the path; never
// checkpoints by itself, not at its end either. Used by one thread at a time.
class Database {
 public:
  enum class Access {
    kReadWrite,
    // Also sets query_only.
    kRead,
  };

  // Errors: those of ErrorOf.
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& path, Access access);

  // Runs statements whose rows nobody wants.
  absl::Status Execute(const char* sql);
  // The first column of the first row; 0 and empty when there is none.
  absl::StatusOr<int64_t> QueryInt(const char* sql);
  absl::StatusOr<std::string> QueryText(const char* sql);
  // For statements that are used again and again.
  absl::StatusOr<Statement> Prepare(const char* sql);

  // The error for the result code `rc` of `operation` on this connection, asked for right after it:
  //   DISK_FULL        space or quota ran out, and nothing was committed.
  //   JOURNAL_DAMAGED  SQLite says that the file is malformed. Metadata: file.
  //   IO_FAILED        anything else. Metadata: operation, path.
  absl::Status ErrorOf(int rc, std::string_view operation) const;

  bool in_transaction() const { return sqlite3_get_autocommit(handle_.get()) == 0; }
  const std::string& path() const { return path_; }
  sqlite3* handle() { return handle_.get(); }

 private:
  struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  };
  Database(std::string path, sqlite3* handle) : path_(std::move(path)), handle_(handle) {}

  const std::string path_;
  const std::unique_ptr<sqlite3, Close> handle_;
};

}  // namespace coordhub::journal
