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

}  // namespace

absl::StatusOr<std::unique_ptr<EventReader>> EventReader::Open(const std::string& path,
                                                               const std::string& vfs) {
  COORDHUB_ASSIGN_OR_RETURN(std::unique_ptr<Database> database,
                            Database::Open(path, Database::Access::kRead, vfs));
  std::unique_ptr<EventReader> reader(new EventReader(std::move(database)));
  COORDHUB_RETURN_IF_ERROR(reader->PrepareAll());
  return reader;
}

absl::Status EventReader::PrepareAll() {
  const std::pair<Statement*, const char*> statements[] = {
      {&begin_, "BEGIN"},
      {&end_, "COMMIT"},
      {&mark_, "SELECT compact_revision, compact_checksum FROM meta"},
      {&checksum_, "SELECT checksum FROM events WHERE revision = ?1"},
      {&events_,
       "SELECT revision, commit_revision, event, private, checksum FROM events "
       "WHERE revision > ?1 AND revision <= ?2 ORDER BY revision"},
      {&pinned_,
       "SELECT revision, commit_revision, event, private, checksum, previous FROM pinned "
       "WHERE revision >= ?1 AND revision <= ?2 ORDER BY revision"}};
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

absl::StatusOr<CompactMark> EventReader::ReadMark() {
  const StatementReset reset(&mark_);
  const int rc = mark_.Step();
  if (rc == SQLITE_DONE) return Damaged(path(), "the meta row is missing");
  if (rc != SQLITE_ROW) return database_->ErrorOf(rc, "read meta");
  const std::optional<Checksum> checksum = ChecksumFrom(mark_.Bytes(1));
  if (!checksum) return Damaged(path(), "the meta row has a malformed checksum");
  return CompactMark{mark_.Int(0), *checksum};
}

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
    entries->push_back({revision, commit_revision, std::string(event), std::string(priv)});
    previous = checksum;
  }
  return previous;
}

absl::StatusOr<std::vector<PinnedEntry>> EventReader::ReadPinned(CommitRange range) {
  const StatementReset reset(&pinned_);
  pinned_.Bind(1, range.first);
  pinned_.Bind(2, range.second);
  std::vector<PinnedEntry> entries;
  int rc = SQLITE_OK;
  while ((rc = pinned_.Step()) == SQLITE_ROW) {
    PinnedEntry pinned;
    pinned.entry = {pinned_.Int(0), pinned_.Int(1), std::string(pinned_.Bytes(2)),
                    std::string(pinned_.Bytes(3))};
    pinned.previous = ChecksumFrom(pinned_.Bytes(5)).value_or(kGenesis);
    const Entry& entry = pinned.entry;
    const Checksum checksum = hasher_.Next({pinned.previous, entry.revision, entry.commit_revision,
                                            entry.event_bytes, entry.private_bytes});
    if (pinned_.Bytes(4) != BytesOf(checksum)) {
      return DamagedAt(path(), entry.revision, "the pinned event does not match its checksum");
    }
    entries.push_back(std::move(pinned));
  }
  if (rc != SQLITE_DONE)
    return NoRow(rc, entries.empty() ? range.first : entries.back().entry.revision + 1);
  return entries;
}

absl::Status EventReader::NoRow(int rc, int64_t revision) {
  if (rc == SQLITE_DONE) return DamagedAt(path(), revision, "the event is missing");
  absl::Status status = database_->ErrorOf(rc, "read events");
  if (base::ReasonOf(status) != base::pb::ERROR_REASON_JOURNAL_DAMAGED) return status;
  return DamagedAt(path(), revision, sqlite3_errmsg(database_->handle()));
}

}  // namespace coordhub::journal
