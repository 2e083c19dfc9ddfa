#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "hub/journal/archive.h"
#include "hub/journal/database.h"

namespace coordhub::journal {

// Reads the store in a journal's database over a connection of its own, and checks every row that
// it reads. Calls stand between Begin and End (ReadTransaction), which give them one view. Not
// thread-safe. Errors of all: JOURNAL_DAMAGED (file, revision where known), IO_FAILED.
class StoreReader {
 public:
  static absl::StatusOr<std::unique_ptr<StoreReader>> Open(const std::string& path);

  absl::Status Begin();
  void End();

  absl::StatusOr<std::optional<std::string>> Get(Space space, std::string_view key);
  absl::StatusOr<std::vector<StoreRow>> Scan(const StoreScan& scan);

 private:
  explicit StoreReader(std::unique_ptr<Database> database) : database_(std::move(database)) {}
  absl::Status PrepareAll();
  // The value of the row `id`, which must be that of the key.
  absl::StatusOr<std::string> ValueOf(int64_t id, Space space, std::string_view key);

  const std::unique_ptr<Database> database_;
  Statement begin_;
  Statement end_;
  Statement find_;
  Statement value_;
  Statement ascending_;
  Statement descending_;
};

}  // namespace coordhub::journal
