// Events that tests can tell apart, without a test framework.

#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "hub/journal/journal.h"

namespace coordhub::journal {

// The event `revision` of the commit that ends at `commit_revision`, with bytes that only it has.
inline Entry MakeEntry(int64_t revision, int64_t commit_revision, size_t padding = 0) {
  Entry entry;
  entry.revision = revision;
  entry.commit_revision = commit_revision;
  entry.event_bytes = absl::StrCat("event ", revision, " ", std::string(padding, 'x'));
  return entry;
}

// The commit with the revisions `first` to `last`. Its first event has private bytes.
inline std::vector<Entry> MakeCommit(int64_t first, int64_t last, size_t padding = 0) {
  std::vector<Entry> entries;
  for (int64_t revision = first; revision <= last; ++revision) {
    entries.push_back(MakeEntry(revision, last, padding));
  }
  entries.front().private_bytes = absl::StrCat("private ", first);
  return entries;
}

// Commits of `size` events each with the revisions `first` to `last`.
inline std::vector<Entry> MakeCommits(int64_t first, int64_t last, int64_t size,
                                      size_t padding = 0) {
  std::vector<Entry> entries;
  for (; first <= last; first += size) {
    for (Entry& entry : MakeCommit(first, std::min(first + size - 1, last), padding)) {
      entries.push_back(std::move(entry));
    }
  }
  return entries;
}

// Saves a snapshot with `records` remembered requests.
inline absl::Status SaveSnapshot(Journal* journal, int64_t revision, int records = 3) {
  v1::SnapshotHeader header;
  header.set_log_id(journal->identity().log_id);
  header.set_revision(revision);
  header.set_digest(absl::StrCat("digest ", revision));
  return journal->SaveSnapshot(
      header, [&](const std::function<absl::Status(const v1::SnapshotRecord&)>& write) {
        for (int i = 0; i < records; ++i) {
          v1::SnapshotRecord record;
          record.mutable_request()->mutable_key()->set_actor(absl::StrCat("actor ", i));
          record.mutable_request()->set_commit_revision(revision);
          const absl::Status status = write(record);
          if (!status.ok()) return status;
        }
        return absl::OkStatus();
      });
}

// All entries after `after`, read in pages; the status of the first page that failed.
inline absl::StatusOr<std::vector<Entry>> ReadAll(JournalReader* reader, int64_t after,
                                                  size_t page = 1000) {
  std::vector<Entry> all;
  while (true) {
    const size_t before = all.size();
    const absl::Status status = reader->Read(after, page, SIZE_MAX, &all);
    if (!status.ok()) return status;
    if (all.size() == before) return all;
    after = all.back().revision;
  }
}

inline absl::StatusOr<std::vector<Entry>> ReadAll(Journal* journal, int64_t after) {
  return ReadAll(journal->NewReader().get(), after);
}

// Whether `entry` has the bytes that MakeEntry gives to its revision, with any padding.
inline bool IsGenuine(const Entry& entry) {
  const std::string expected = absl::StrCat("event ", entry.revision, " ");
  return entry.event_bytes.compare(0, expected.size(), expected) == 0 &&
         entry.event_bytes.find_first_not_of('x', expected.size()) == std::string::npos;
}

}  // namespace coordhub::journal
