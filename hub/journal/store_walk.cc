#include "hub/journal/store_walk.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "hub/journal/checksum.h"
#include "hub/journal/errors.h"

namespace coordhub::journal {
namespace {

// Of one transaction.
constexpr int kSliceRows = 1000;
constexpr size_t kSliceBytes = 4 << 20;

}  // namespace

absl::StatusOr<std::unique_ptr<StoreWalk>> StoreWalk::Open(const std::string& path) {
  COORDHUB_ASSIGN_OR_RETURN(std::unique_ptr<Database> database,
                            Database::Open(path, Database::Access::kRead));
  std::unique_ptr<StoreWalk> walk(new StoreWalk(std::move(database)));
  COORDHUB_RETURN_IF_ERROR(walk->PrepareAll());
  return walk;
}

absl::Status StoreWalk::PrepareAll() {
  const std::pair<Statement*, const char*> statements[] = {
      {&begin_, "BEGIN"},
      {&end_, "COMMIT"},
      {&rows_after_,
       "SELECT s.id, s.revision, s.space, s.key, s.checksum, s.value, ifnull(e.revision, -1), "
       "ifnull(i.id, 0), ifnull(i.bytes, 0) FROM store s LEFT JOIN store_erased e ON e.id = s.id "
       "LEFT JOIN store_index i ON i.space = s.space AND i.key = s.key "
       "WHERE s.id > ?1 AND s.id <= ?2 ORDER BY s.id"}};
  for (const auto& [statement, sql] : statements) {
    COORDHUB_ASSIGN_OR_RETURN(*statement, database_->Prepare(sql));
  }
  return absl::OkStatus();
}

absl::StatusOr<Extent> StoreWalk::Settle() {
  const int begun = begin_.Run();
  if (begun != SQLITE_DONE) return database_->ErrorOf(begun, "begin to read");
  absl::StatusOr<Extent> extent = ReadExtent();
  end_.Run();
  return extent;
}

absl::StatusOr<Extent> StoreWalk::ReadExtent() {
  Extent extent;
  COORDHUB_ASSIGN_OR_RETURN(extent.mark, ReadCompactMark(database_.get()));
  COORDHUB_ASSIGN_OR_RETURN(const int64_t last,
                            database_->QueryInt("SELECT max(revision) FROM events"));
  extent.head = std::max(last, extent.mark.revision);
  COORDHUB_ASSIGN_OR_RETURN(extent.sizes, ReadStoreSizes(database_.get()));
  COORDHUB_ASSIGN_OR_RETURN(extent.last_id, database_->QueryInt("SELECT max(id) FROM store"));
  return extent;
}

absl::StatusOr<bool> StoreWalk::Next(const Extent& extent, const Sink& sink) {
  const int begun = begin_.Run();
  if (begun != SQLITE_DONE) return database_->ErrorOf(begun, "begin to read");
  absl::StatusOr<bool> more = NextWithin(extent, sink);
  end_.Run();
  return more;
}

absl::StatusOr<bool> StoreWalk::NextWithin(const Extent& extent, const Sink& sink) {
  const StatementReset reset(&rows_after_);
  rows_after_.Bind(1, last_id_);
  rows_after_.Bind(2, extent.last_id);
  size_t bytes = 0;
  for (int taken = 0; taken < kSliceRows && bytes < kSliceBytes; ++taken) {
    const int rc = rows_after_.Step();
    if (rc == SQLITE_DONE) {
      COORDHUB_RETURN_IF_ERROR(CheckSizes(extent));
      return false;
    }
    if (rc != SQLITE_ROW) return database_->ErrorOf(rc, "read the store");
    COORDHUB_RETURN_IF_ERROR(Take(extent, sink));
    bytes += rows_after_.Bytes(5).size();
    last_id_ = rows_after_.Int(0);
  }
  return true;
}

absl::Status StoreWalk::Take(const Extent& extent, const Sink& sink) {
  const Statement& at = rows_after_;
  const Row row{at.Int(1), static_cast<Space>(at.Int(2)), at.Bytes(3), at.Bytes(5)};
  const Checksum checksum = StoreChecksum({row.revision, row.space, row.key, row.value});
  if (!IsSpace(at.Int(2)) || at.Bytes(4) != BytesOf(checksum)) {
    return DamagedRow(database_->path(), row.revision, row.space, row.key,
                      "the value does not match its checksum");
  }
  const int64_t erased = at.Int(6);
  const bool indexed =
      at.Int(7) == at.Int(0) && at.Int(8) == static_cast<int64_t>(row.value.size());
  if (erased < 0 && !indexed) {
    return DamagedRow(database_->path(), row.revision, row.space, row.key,
                      "the index does not lead to the value");
  }
  if (row.revision > extent.head || (erased >= 0 && erased <= extent.head)) {
    return absl::OkStatus();
  }
  StoreSize& seen = seen_[IndexOf(row.space)];
  seen.rows += 1;
  seen.bytes += static_cast<int64_t>(row.value.size());
  ++rows_;
  return sink(row);
}

absl::Status StoreWalk::CheckSizes(const Extent& extent) const {
  for (const Space space : kSpaces) {
    const StoreSize& seen = seen_[IndexOf(space)];
    const StoreSize& kept = extent.sizes[IndexOf(space)];
    if (seen == kept) continue;
    return Damaged(
        database_->path(),
        absl::StrCat("space ", static_cast<int>(space), " of the store has ", seen.rows,
                     " rows of ", seen.bytes, " bytes, not ", kept.rows, " of ", kept.bytes));
  }
  return absl::OkStatus();
}

}  // namespace coordhub::journal
