#include "hub/journal/pinning.h"

#include <set>
#include <utility>
#include <vector>

#include "agent/base/status_macros.h"
#include "hub/journal/errors.h"
#include "hub/journal/require.h"

namespace coordhub::journal {
namespace {

absl::Status Unpin(Database* database, const std::set<int64_t>& wanted) {
  COORDHUB_ASSIGN_OR_RETURN(
      Statement held,
      database->Prepare("SELECT min(revision), commit_revision FROM pinned GROUP BY 2"));
  std::vector<CommitRange> unwanted;
  int rc = SQLITE_OK;
  while ((rc = held.Step()) == SQLITE_ROW) {
    if (wanted.count(held.Int(1)) == 0) unwanted.emplace_back(held.Int(0), held.Int(1));
  }
  if (rc != SQLITE_DONE) return database->ErrorOf(rc, "list pinned commits");
  COORDHUB_ASSIGN_OR_RETURN(
      Statement drop,
      database->Prepare("DELETE FROM pinned WHERE revision >= ?1 AND revision <= ?2"));
  for (const CommitRange& range : unwanted) {
    drop.Bind(1, range.first);
    drop.Bind(2, range.second);
    rc = drop.Run();
    if (rc != SQLITE_DONE) return database->ErrorOf(rc, "unpin a commit");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<int64_t> PinCommits(Database* database, const CompactMark& mark, int64_t revision,
                                   absl::Span<const CommitRange> wanted) {
  const std::set<CommitRange> ranges(wanted.begin(), wanted.end());
  std::set<int64_t> commits;
  for (const CommitRange& range : ranges) commits.insert(range.second);
  COORDHUB_RETURN_IF_ERROR(Unpin(database, commits));
  COORDHUB_ASSIGN_OR_RETURN(
      Statement copy,
      database->Prepare(
          "INSERT INTO pinned SELECT revision, commit_revision, event, private, "
          "CASE revision WHEN ?3 + 1 THEN ?4 ELSE "
          "(SELECT before.checksum FROM events before WHERE before.revision = e.revision - 1) END, "
          "checksum FROM events e WHERE revision >= ?1 AND revision <= ?2"));
  copy.Bind(3, mark.revision);
  copy.BindBlob(4, BytesOf(mark.checksum));
  int64_t copied = 0;
  for (const CommitRange& range : ranges) {
    if (range.first <= mark.revision || range.second > revision) continue;
    copy.Bind(1, range.first);
    copy.Bind(2, range.second);
    const int rc = copy.Run();
    if (rc != SQLITE_DONE) return database->ErrorOf(rc, "pin a commit");
    const int64_t events = sqlite3_changes64(database->handle());
    if (events != range.second - range.first + 1) {
      return DamagedAt(database->path(), range.first, "events of a commit are missing");
    }
    copied += events;
  }
  return copied;
}

absl::StatusOr<Checksum> ReadBoundary(Database* database, int64_t revision) {
  COORDHUB_ASSIGN_OR_RETURN(
      Statement boundary,
      database->Prepare("SELECT commit_revision, checksum FROM events WHERE revision = ?1"));
  boundary.Bind(1, revision);
  const int rc = boundary.Step();
  if (rc == SQLITE_DONE) return DamagedAt(database->path(), revision, "the event is missing");
  if (rc != SQLITE_ROW) return database->ErrorOf(rc, "read an event");
  Require(boundary.Int(0) == revision, "Compact: not at the end of a commit");
  const std::optional<Checksum> checksum = ChecksumFrom(boundary.Bytes(1));
  if (!checksum) return DamagedAt(database->path(), revision, "the checksum is malformed");
  return *checksum;
}

}  // namespace coordhub::journal
