#include "hub/journal/sqlite_reader.h"

#include <algorithm>
#include <utility>

#include "agent/base/status_macros.h"
#include "hub/journal/errors.h"
#include "hub/journal/require.h"

namespace coordhub::journal {
namespace {

// Of one transaction: a longer one would keep the write-ahead log from being reset.
constexpr size_t kMaxEntries = 1000;

}  // namespace

absl::Status SqliteReader::Connect() {
  if (state_->failed) return Refused(state_->path);
  if (reader_ != nullptr) return absl::OkStatus();
  COORDHUB_ASSIGN_OR_RETURN(reader_, EventReader::Open(state_->path));
  return absl::OkStatus();
}

absl::Status SqliteReader::Read(int64_t after, size_t max_entries, size_t max_bytes,
                                std::vector<Entry>* entries) {
  Require(after >= 0, "Read: bad range");
  // The head before the transaction begins: what it sees of later commits was not acknowledged
  // then.
  const int64_t head = state_->head;
  COORDHUB_RETURN_IF_ERROR(Connect());
  const ReadTransaction transaction(reader_.get());
  COORDHUB_RETURN_IF_ERROR(transaction.status());
  COORDHUB_ASSIGN_OR_RETURN(const CompactMark mark, reader_->ReadMark());
  if (after < mark.revision) return Compacted(mark.revision, head);
  if (after >= head || max_entries == 0) return absl::OkStatus();
  COORDHUB_ASSIGN_OR_RETURN(const Checksum previous, reader_->ChecksumAt(after, mark));
  const int64_t to =
      std::min(head, after + static_cast<int64_t>(std::min(max_entries, kMaxEntries)));
  return reader_->ReadEvents({after, to, max_bytes}, previous, entries).status();
}

absl::StatusOr<Checksum> SqliteReader::ChecksumAt(int64_t revision) {
  COORDHUB_RETURN_IF_ERROR(Connect());
  const ReadTransaction transaction(reader_.get());
  COORDHUB_RETURN_IF_ERROR(transaction.status());
  COORDHUB_ASSIGN_OR_RETURN(const CompactMark mark, reader_->ReadMark());
  if (revision < mark.revision) return Compacted(mark.revision, state_->head);
  return reader_->ChecksumAt(revision, mark);
}

}  // namespace coordhub::journal
