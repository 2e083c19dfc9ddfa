#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "hub/journal/event_reader.h"
#include "hub/journal/journal.h"

namespace coordhub::journal {

// What a SqliteJournal tells its readers. Written by the writer's thread.
struct JournalState {
  std::string path;
  std::atomic<int64_t> head{0};
  std::atomic<int64_t> compact{0};
  // An earlier failure left the content unknown: everything is refused.
  std::atomic<bool> failed{false};
};

// Reads committed events over a connection of its own, which is made with the first call.
class SqliteReader final : public JournalReader {
 public:
  explicit SqliteReader(std::shared_ptr<const JournalState> state) : state_(std::move(state)) {}

  absl::Status Read(int64_t after, size_t max_entries, size_t max_bytes,
                    std::vector<Entry>* entries) override;

  // The checksum of an event that was not compacted away, or of the last one that was.
  // Errors: REVISION_COMPACTED, JOURNAL_DAMAGED, IO_FAILED.
  absl::StatusOr<Checksum> ChecksumAt(int64_t revision);

 private:
  absl::Status Connect();

  const std::shared_ptr<const JournalState> state_;
  std::unique_ptr<EventReader> reader_;
};

}  // namespace coordhub::journal
