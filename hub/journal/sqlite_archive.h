#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hub/journal/archive.h"
#include "hub/journal/sqlite_reader.h"
#include "hub/journal/store_reader.h"
#include "hub/journal/store_walk.h"

namespace coordhub::journal {

// Reads the store over a connection of its own, which is made with the first call.
class SqliteArchiveReader final : public ArchiveReader {
 public:
  explicit SqliteArchiveReader(std::shared_ptr<const JournalState> state)
      : state_(std::move(state)) {}

  absl::StatusOr<std::optional<std::string>> Get(Space space, std::string_view key) override;
  absl::StatusOr<std::vector<std::optional<std::string>>> GetMany(
      Space space, absl::Span<const std::string> keys, size_t max_bytes) override;
  absl::StatusOr<std::vector<StoreRow>> Scan(const StoreScan& scan) override;

 private:
  absl::Status Connect();

  const std::shared_ptr<const JournalState> state_;
  std::unique_ptr<StoreReader> reader_;
};

// What is in the database now and acknowledged. Garbage must not be deleted before the walk's end.
// Errors: JOURNAL_DAMAGED, IO_FAILED.
absl::StatusOr<Extent> SettleAcknowledged(const JournalState& state, StoreWalk* walk);

// Archive::VerifyStore, while no garbage is deleted.
absl::StatusOr<int64_t> VerifyStoreRows(const JournalState& state,
                                        const std::function<absl::Status()>& between);

}  // namespace coordhub::journal
