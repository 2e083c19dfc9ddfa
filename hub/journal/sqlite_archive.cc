#include "hub/journal/sqlite_archive.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "agent/base/status_macros.h"
#include "hub/journal/errors.h"

namespace coordhub::journal {
namespace {

constexpr size_t kMaxKeys = 1000;

}  // namespace

absl::Status SqliteArchiveReader::Connect() {
  if (state_->failed) return Refused(state_->path);
  if (reader_ != nullptr) return absl::OkStatus();
  COORDHUB_ASSIGN_OR_RETURN(reader_, StoreReader::Open(state_->path));
  return absl::OkStatus();
}

absl::StatusOr<std::optional<std::string>> SqliteArchiveReader::Get(Space space,
                                                                    std::string_view key) {
  COORDHUB_RETURN_IF_ERROR(Connect());
  const ReadTransaction transaction(reader_.get());
  COORDHUB_RETURN_IF_ERROR(transaction.status());
  return reader_->Get(space, key);
}

absl::StatusOr<std::vector<std::optional<std::string>>> SqliteArchiveReader::GetMany(
    Space space, absl::Span<const std::string> keys, size_t max_bytes) {
  COORDHUB_RETURN_IF_ERROR(Connect());
  const ReadTransaction transaction(reader_.get());
  COORDHUB_RETURN_IF_ERROR(transaction.status());
  std::vector<std::optional<std::string>> values;
  size_t room = max_bytes;
  for (const std::string& key : keys.subspan(0, kMaxKeys)) {
    COORDHUB_ASSIGN_OR_RETURN(std::optional<std::string> value, reader_->Get(space, key));
    const size_t size = value ? value->size() : 0;
    if (size > room && !values.empty()) break;
    room -= std::min(size, room);
    values.push_back(std::move(value));
  }
  return values;
}

absl::StatusOr<std::vector<StoreRow>> SqliteArchiveReader::Scan(const StoreScan& scan) {
  COORDHUB_RETURN_IF_ERROR(Connect());
  const ReadTransaction transaction(reader_.get());
  COORDHUB_RETURN_IF_ERROR(transaction.status());
  return reader_->Scan(scan);
}

absl::StatusOr<Extent> SettleAcknowledged(const JournalState& state, StoreWalk* walk) {
  while (!state.failed) {
    COORDHUB_ASSIGN_OR_RETURN(const Extent extent, walk->Settle());
    // What the file has before the writer says so is acknowledged in a moment.
    if (extent.head <= state.head) return extent;
    std::this_thread::yield();
  }
  return Refused(state.path);
}

absl::StatusOr<int64_t> VerifyStoreRows(const JournalState& state,
                                        const std::function<absl::Status()>& between) {
  COORDHUB_ASSIGN_OR_RETURN(const std::unique_ptr<StoreWalk> walk, StoreWalk::Open(state.path));
  COORDHUB_ASSIGN_OR_RETURN(const Extent extent, SettleAcknowledged(state, walk.get()));
  const auto ignore = [](const StoreWalk::Row&) { return absl::OkStatus(); };
  while (true) {
    COORDHUB_ASSIGN_OR_RETURN(const bool more, walk->Next(extent, ignore));
    if (!more) return walk->rows();
    COORDHUB_RETURN_IF_ERROR(between());
  }
}

}  // namespace coordhub::journal
