#include "hub/journal/event_reader.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/mutant.h"
#include "agent/base/status_macros.h"
#include "hub/journal/errors.h"

namespace coordhub::journal {
namespace {

constexpr char kMismatch[] = "the event does not match its checksum";
constexpr char kReadMark[] = "SELECT compact_revision, compact_checksum FROM meta";

absl::StatusOr<CompactMark> MarkFrom(Database* database, Statement* mark) {
  const StatementReset reset(mark);
  const int rc = mark->Step();
  if (rc == SQLITE_DONE) return Damaged(database->path(), "the meta row is missing");
  if (rc != SQLITE_ROW) return database->ErrorOf(rc, "read meta");
  const std::optional<Checksum> checksum = ChecksumFrom(mark->Bytes(1));
  if (!checksum) return Damaged(database->path(), "the meta row has a malformed checksum");
  return CompactMark{mark->Int(0), *checksum};
}

}  // namespace

absl::StatusOr<CompactMark> ReadCompactMark(Database* database) {
  COORDHUB_ASSIGN_OR_RETURN(Statement mark, database->Prepare(kReadMark));
  return MarkFrom(database, &mark);
}

absl::StatusOr<std::unique_ptr<EventReader>> EventReader::Open(const std::string& path) {
  COORDHUB_ASSIGN_OR_RETURN(std::unique_ptr<Database> database,
                            Database::Open(path, Database::Access::kRead));
  std::unique_ptr<EventReader> reader(new EventReader(std::move(database)));
  COORDHUB_RETURN_IF_ERROR(reader->PrepareAll());
  return reader;
}

absl::Status EventReader::PrepareAll() {
  const std::pair<Statement*, const char*> statements[] = {
      {&begin_, "BEGIN"},
      {&end_, "COMMIT"},
      {&mark_, kReadMark},
      {&checksum_, "SELECT checksum FROM events WHERE revision = ?1"},
      {&events_,
       "SELECT revision, commit_revision, event, private, checksum FROM events "
       "WHERE revision > ?1 AND revision <= ?2 ORDER BY revision"}};
  for (const auto& [statement, sql] : statements) {
    COORDHUB_ASSIGN_OR_RETURN(*statement, database_->Prepare(sql));
  }
  return absl::OkStatus();
}

absl::Status EventReader::Begin() {
  const int rc = begin_.Run();
  return rc == SQLITE_DONE ? absl::OkStatus() : database_->ErrorOf(rc, "begin to read");
}

void EventReader::End() {
  // A commit of a transaction that only read cannot fail in a way that matters.
  end_.Run();
}

absl::StatusOr<CompactMark> EventReader::ReadMark() { return MarkFrom(database_.get(), &mark_); }

absl::StatusOr<Checksum> EventReader::ChecksumAt(int64_t revision, const CompactMark& mark) {
  if (revision == mark.revision) return mark.checksum;
  const StatementReset reset(&checksum_);
  checksum_.Bind(1, revision);
  const int rc = checksum_.Step();
  if (rc != SQLITE_ROW) return NoRow(rc, revision);
  const std::optional<Checksum> checksum = ChecksumFrom(checksum_.Bytes(0));
  if (!checksum) return DamagedAt(path(), revision, kMismatch);
  return *checksum;
}

absl::StatusOr<Checksum> EventReader::ReadEvents(const Range& range, Checksum previous,
                                                 std::vector<Entry>* entries) {
  const StatementReset reset(&events_);
  events_.Bind(1, range.after);
  events_.Bind(2, range.to);
  size_t room = range.max_bytes;
  for (int64_t revision = range.after + 1; revision <= range.to; ++revision) {
    const int rc = events_.Step();
    if (rc != SQLITE_ROW) return NoRow(rc, revision);
    if (events_.Int(0) != revision) return NoRow(SQLITE_DONE, revision);
    const std::string_view event = events_.Bytes(2);
    const std::string_view priv = events_.Bytes(3);
    const size_t size = event.size() + priv.size();
    if (size > room && revision > range.after + 1) return previous;
    room -= std::min(size, room);
    const int64_t commit_revision = events_.Int(1);
    const Checksum checksum = hasher_.Next({previous, revision, commit_revision, event, priv});
    if (events_.Bytes(4) != BytesOf(checksum) && !base::MutantActive("damage_ignored")) {
      return DamagedAt(path(), revision, kMismatch);
    }
    entries->push_back({revision, commit_revision, std::string(event), std::string(priv), {}});
    previous = checksum;
  }
  return previous;
}

absl::Status EventReader::NoRow(int rc, int64_t revision) {
  if (rc == SQLITE_DONE) return DamagedAt(path(), revision, "the event is missing");
  absl::Status status = database_->ErrorOf(rc, "read events");
  if (base::ReasonOf(status) != base::pb::ERROR_REASON_JOURNAL_DAMAGED) return status;
  return DamagedAt(path(), revision, sqlite3_errmsg(database_->handle()));
}

}  // namespace coordhub::journal
