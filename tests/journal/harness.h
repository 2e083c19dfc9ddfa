// What the tests of the journal share.

#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/ids.h"
#include "hub/journal/journal.h"
#include "hub/journal/sqlite_journal.h"
#include "tests/agent/base/temp_dir.h"
#include "tests/journal/entries.h"

namespace coordhub::journal {

using base::TempDir;

// Appends commits of `size` events up to `head`, in one transaction.
inline void AppendUpTo(Journal* journal, int64_t head, int64_t size = 1, size_t padding = 0) {
  const absl::Status status =
      journal->Append(MakeCommits(journal->head_revision() + 1, head, size, padding));
  ASSERT_TRUE(status.ok()) << status;
}

// What LoadSnapshot gave out.
struct LoadedSnapshot {
  int64_t revision = 0;
  std::vector<std::string> actors;
  std::vector<std::string> notes;
};

inline LoadedSnapshot LoadNewest(Journal* journal, int64_t max_revision) {
  LoadedSnapshot loaded;
  const auto header = journal->LoadSnapshot(
      max_revision,
      [&](const std::shared_ptr<const v1::SnapshotRecord>& record) {
        loaded.actors.push_back(record->request().key().actor());
        return absl::OkStatus();
      },
      [&](std::string note) { loaded.notes.push_back(std::move(note)); });
  EXPECT_TRUE(header.ok()) << header.status();
  if (header.ok() && header->has_value()) {
    loaded.revision = (*header)->revision();
    EXPECT_EQ((*header)->record_count(), static_cast<int64_t>(loaded.actors.size()));
  }
  return loaded;
}

inline int64_t LoadOldest(Journal* journal) {
  const auto header = journal->LoadOldestSnapshot(
      [](const std::shared_ptr<const v1::SnapshotRecord>&) { return absl::OkStatus(); });
  EXPECT_TRUE(header.ok()) << header.status();
  return header.ok() && header->has_value() ? (*header)->revision() : 0;
}

inline std::vector<int64_t> Revisions(const std::vector<Entry>& entries) {
  std::vector<int64_t> revisions;
  for (const Entry& entry : entries) revisions.push_back(entry.revision);
  return revisions;
}

inline std::vector<int64_t> Range(int64_t first, int64_t last) {
  std::vector<int64_t> revisions;
  for (int64_t revision = first; revision <= last; ++revision) revisions.push_back(revision);
  return revisions;
}

// The name of the reason in `status`.
inline std::string Reason(const absl::Status& status) {
  return std::string(base::ReasonName(base::ReasonOf(status)));
}

// A state directory, and journals in it.
class JournalOnDisk {
 public:
  JournalOnDisk() : ids_(::testing::UnitTest::GetInstance()->random_seed()) {}

  SqliteOptions Options() {
    SqliteOptions options;
    options.state_dir = state_dir();
    options.version = "1.2.3";
    options.ids = &ids_;
    options.log_room_bytes = 128 << 10;
    return options;
  }
  absl::StatusOr<std::unique_ptr<Journal>> TryOpen() { return OpenSqliteJournal(Options()); }
  // Opens it; the test fails when that fails.
  std::unique_ptr<Journal> Open() {
    absl::StatusOr<std::unique_ptr<Journal>> journal = TryOpen();
    EXPECT_TRUE(journal.ok()) << journal.status();
    return journal.ok() ? *std::move(journal) : nullptr;
  }

  std::string state_dir() const { return directory_ / "state"; }
  std::string database() const { return state_dir() + "/journal.sqlite3"; }
  std::string snapshot(int64_t revision) const {
    std::string digits = absl::StrCat(revision);
    digits.insert(0, 20 - digits.size(), '0');
    return absl::StrCat(state_dir(), "/snapshots/", digits, ".snapshot");
  }
  std::string log() const { return database() + "-wal"; }
  std::string Below(const std::string& name) const { return directory_ / name; }
  base::IdSource* ids() { return &ids_; }

 private:
  TempDir directory_;
  base::SequenceIdSource ids_;
};

}  // namespace coordhub::journal
