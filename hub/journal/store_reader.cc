#include "hub/journal/store_reader.h"

#include <algorithm>
#include <utility>

#include "agent/base/error.h"
#include "agent/base/mutant.h"
#include "agent/base/status_macros.h"
#include "hub/journal/checksum.h"
#include "hub/journal/errors.h"

namespace coordhub::journal {
namespace {

// Of one transaction.
constexpr size_t kMaxRows = 1000;

// The first key behind all that begin with `prefix`.
std::string KeyBehind(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.pop_back();
  // No key is so long, so none comes after it.
  if (prefix.empty()) return std::string(kMaxStoreKeyBytes + 1, '\xff');
  prefix.back() = static_cast<char>(prefix.back() + 1);
  return prefix;
}

}  // namespace

absl::StatusOr<std::unique_ptr<StoreReader>> StoreReader::Open(const std::string& path) {
  COORDHUB_ASSIGN_OR_RETURN(std::unique_ptr<Database> database,
                            Database::Open(path, Database::Access::kRead));
  std::unique_ptr<StoreReader> reader(new StoreReader(std::move(database)));
  COORDHUB_RETURN_IF_ERROR(reader->PrepareAll());
  return reader;
}

absl::Status StoreReader::PrepareAll() {
  const std::pair<Statement*, const char*> statements[] = {
      {&begin_, "BEGIN"},
      {&end_, "COMMIT"},
      {&find_, "SELECT id FROM store_index WHERE space = ?1 AND key = ?2"},
      {&value_, "SELECT revision, space, key, checksum, value FROM store WHERE id = ?1"},
      {&ascending_,
       "SELECT key, id, bytes FROM store_index WHERE space = ?1 AND key >= ?2 AND key < ?3 "
       "ORDER BY key"},
      {&descending_,
       "SELECT key, id, bytes FROM store_index WHERE space = ?1 AND key >= ?2 AND key < ?3 "
       "ORDER BY key DESC"}};
  for (const auto& [statement, sql] : statements) {
    COORDHUB_ASSIGN_OR_RETURN(*statement, database_->Prepare(sql));
  }
  return database_->Execute("PRAGMA cache_size=-256");
}

absl::Status StoreReader::Begin() {
  const int rc = begin_.Run();
  return rc == SQLITE_DONE ? absl::OkStatus() : database_->ErrorOf(rc, "begin to read");
}

void StoreReader::End() { end_.Run(); }

absl::StatusOr<std::optional<std::string>> StoreReader::Get(Space space, std::string_view key) {
  const StatementReset reset(&find_);
  find_.Bind(1, static_cast<int64_t>(space));
  find_.BindBlob(2, key);
  const int rc = find_.Step();
  if (rc == SQLITE_DONE) return std::nullopt;
  if (rc != SQLITE_ROW) return database_->ErrorOf(rc, "read the store");
  COORDHUB_ASSIGN_OR_RETURN(std::string value, ValueOf(find_.Int(0), space, key));
  return value;
}

absl::StatusOr<std::string> StoreReader::ValueOf(int64_t id, Space space, std::string_view key) {
  const StatementReset reset(&value_);
  value_.Bind(1, id);
  const int rc = value_.Step();
  if (rc == SQLITE_DONE) {
    return DamagedRow(database_->path(), 0, space, key, "the value is missing");
  }
  if (rc != SQLITE_ROW) return database_->ErrorOf(rc, "read the store");
  const int64_t revision = value_.Int(0);
  const Checksum checksum = StoreChecksum(
      {revision, static_cast<Space>(value_.Int(1)), value_.Bytes(2), value_.Bytes(4)});
  const bool its_own = value_.Int(1) == static_cast<int64_t>(space) && value_.Bytes(2) == key;
  if ((!its_own || value_.Bytes(3) != BytesOf(checksum)) &&
      !base::MutantActive("store_damage_ignored")) {
    return DamagedRow(database_->path(), revision, space, key,
                      "the value does not match its checksum");
  }
  return std::string(value_.Bytes(4));
}

absl::StatusOr<std::vector<StoreRow>> StoreReader::Scan(const StoreScan& scan) {
  Statement& list = scan.descending ? descending_ : ascending_;
  const StatementReset reset(&list);
  // What is bound must live until the reset.
  std::string from = scan.prefix;
  std::string to = KeyBehind(scan.prefix);
  if (scan.after && scan.descending) to = std::min(to, *scan.after);
  // The next key in order is this one and a zero.
  if (scan.after && !scan.descending) from = std::max(from, *scan.after + '\0');
  list.Bind(1, static_cast<int64_t>(scan.space));
  list.BindBlob(2, from);
  list.BindBlob(3, to);
  std::vector<StoreRow> rows;
  size_t room = scan.max_bytes;
  int rc = SQLITE_OK;
  while (rows.size() < std::min(scan.max_rows, kMaxRows) && (rc = list.Step()) == SQLITE_ROW) {
    const std::string_view key = list.Bytes(0);
    const size_t size = key.size() + static_cast<size_t>(list.Int(2));
    if (size > room && !rows.empty()) return rows;
    room -= std::min(size, room);
    COORDHUB_ASSIGN_OR_RETURN(std::string value, ValueOf(list.Int(1), scan.space, key));
    rows.push_back({std::string(key), std::move(value)});
  }
  if (rc != SQLITE_ROW && rc != SQLITE_DONE && rc != SQLITE_OK) {
    return database_->ErrorOf(rc, "read the store");
  }
  return rows;
}

}  // namespace coordhub::journal
