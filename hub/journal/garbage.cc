#include "hub/journal/garbage.h"

#include <utility>

#include "agent/base/status_macros.h"

namespace coordhub::journal {

absl::StatusOr<Garbage> Garbage::Prepare(Database* database) {
  Garbage garbage(database);
  // Of a blob's length only the head of its row is read.
  const std::pair<Statement*, const char*> statements[] = {
      {&garbage.list_events_,
       "SELECT revision, length(event) + ifnull(length(private), 0) FROM events "
       "WHERE revision <= ?1 ORDER BY revision"},
      {&garbage.delete_events_, "DELETE FROM events WHERE revision <= ?1"},
      {&garbage.list_erased_, "SELECT id, bytes FROM store_erased WHERE id <= ?1 ORDER BY id"},
      {&garbage.delete_values_,
       "DELETE FROM store WHERE id IN (SELECT id FROM store_erased WHERE id <= ?1)"},
      {&garbage.delete_erased_, "DELETE FROM store_erased WHERE id <= ?1"}};
  for (const auto& [statement, sql] : statements) {
    COORDHUB_ASSIGN_OR_RETURN(*statement, database->Prepare(sql));
  }
  return garbage;
}

absl::StatusOr<bool> Garbage::DeleteSlice(int64_t compact_revision) {
  Room room;
  bool more = false;
  list_events_.Bind(1, compact_revision);
  COORDHUB_ASSIGN_OR_RETURN(const int64_t events, Fill(&list_events_, &room, &more));
  if (events > 0) COORDHUB_RETURN_IF_ERROR(Delete(&delete_events_, events));
  if (more) return true;
  list_erased_.Bind(1, INT64_MAX);
  COORDHUB_ASSIGN_OR_RETURN(const int64_t erased, Fill(&list_erased_, &room, &more));
  if (erased == 0) return more;
  COORDHUB_RETURN_IF_ERROR(Delete(&delete_values_, erased));
  COORDHUB_RETURN_IF_ERROR(Delete(&delete_erased_, erased));
  return more;
}

absl::StatusOr<int64_t> Garbage::Fill(Statement* list, Room* room, bool* more) {
  const StatementReset reset(list);
  int64_t last = 0;
  int rc = SQLITE_OK;
  while ((rc = list->Step()) == SQLITE_ROW) {
    const int64_t bytes = list->Int(1);
    const bool first = room->rows == kGarbageRows;
    if (!first && (room->rows == 0 || bytes > room->bytes)) {
      *more = true;
      return last;
    }
    room->rows -= 1;
    room->bytes -= bytes;
    last = list->Int(0);
  }
  if (rc != SQLITE_DONE) return database_->ErrorOf(rc, "list garbage");
  return last;
}

absl::Status Garbage::Delete(Statement* statement, int64_t to) {
  statement->Bind(1, to);
  const int rc = statement->Run();
  return rc == SQLITE_DONE ? absl::OkStatus() : database_->ErrorOf(rc, "delete garbage");
}

}  // namespace coordhub::journal
