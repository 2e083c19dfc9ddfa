// A journal in a process of its own, driven by lines: for tests that preload a faulty disk.
//
//   journal_driver <state dir>
//
// Answers each line on standard input with one on standard output: `ok <number>`, or a reason and a
// message.
//
//   open                    number: the head
//   append <events> <size>  in one transaction, commits of one event; the head
//   read                    checks all events; how many
//   checkpoint              forced
//   snapshot                at the head
//   load                    the newest whole snapshot's revision
//   compact                 to the head

#include <cstdio>
#include <cstring>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>

#include "agent/base/error.h"
#include "hub/journal/sqlite_journal.h"
#include "tests/journal/entries.h"

namespace coordhub::journal {
namespace {

class Driver {
 public:
  explicit Driver(std::string state_dir) : state_dir_(std::move(state_dir)) {}

  absl::StatusOr<int64_t> Obey(const std::string& line) {
    std::istringstream words(line);
    std::string command;
    words >> command;
    // The log is as long as what was written, unless it is given room.
    if (command == "open") {
      int64_t log_room_bytes = 0;
      words >> log_room_bytes;
      return Open(log_room_bytes);
    }
    if (command == "append") {
      int64_t events = 0;
      size_t size = 0;
      words >> events >> size;
      return Append(events, size);
    }
    if (command == "read") return Read();
    if (command == "checkpoint") return After(journal_->Checkpoint(/*force=*/true));
    if (command == "snapshot")
      return After(SaveSnapshot(journal_.get(), journal_->head_revision()));
    if (command == "load") return Load();
    if (command == "compact") return journal_->Compact(journal_->head_revision());
    return absl::InvalidArgumentError(line);
  }

 private:
  absl::StatusOr<int64_t> After(const absl::Status& status) {
    if (!status.ok()) return status;
    return journal_->head_revision();
  }

  absl::StatusOr<int64_t> Open(int64_t log_room_bytes) {
    SqliteOptions options;
    options.state_dir = state_dir_;
    options.version = "1.2.3";
    options.ids = &ids_;
    options.log_room_bytes = log_room_bytes;
    auto opened = OpenSqliteJournal(options);
    if (!opened.ok()) return opened.status();
    journal_ = *std::move(opened);
    reader_ = journal_->NewReader();
    return journal_->head_revision();
  }

  absl::StatusOr<int64_t> Append(int64_t events, size_t size) {
    const int64_t head = journal_->head_revision();
    return After(journal_->Append(MakeCommits(head + 1, head + events, 1, size)));
  }

  absl::StatusOr<int64_t> Read() {
    const auto entries = ReadAll(reader_.get(), journal_->compact_revision());
    if (!entries.ok()) return entries.status();
    for (const Entry& entry : *entries) {
      if (!IsGenuine(entry)) return absl::DataLossError(absl::StrCat("event ", entry.revision));
    }
    return static_cast<int64_t>(entries->size());
  }

  absl::StatusOr<int64_t> Load() {
    const auto header = journal_->LoadSnapshot(
        journal_->head_revision(),
        [](const std::shared_ptr<const v1::SnapshotRecord>&) { return absl::OkStatus(); },
        [](const std::string&) {});
    if (!header.ok()) return header.status();
    return header->has_value() ? (*header)->revision() : 0;
  }

  const std::string state_dir_;
  base::SystemIdSource ids_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<JournalReader> reader_;
};

}  // namespace
}  // namespace coordhub::journal

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  coordhub::journal::Driver driver(argv[1]);
  std::string line;
  while (std::getline(std::cin, line)) {
    const absl::StatusOr<int64_t> result = driver.Obey(line);
    if (result.ok()) {
      std::cout << "ok " << *result << std::endl;
    } else {
      std::cout << coordhub::base::ReasonName(coordhub::base::ReasonOf(result.status())) << " "
                << result.status().message() << std::endl;
    }
  }
  return 0;
}
