// Changes of the store that follow from an event's revision alone: so that what must be in the
// store at a head can be told, whoever wrote the log.

#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "hub/journal/journal.h"
#include "hub/journal/store_key.h"

namespace coordhub::journal {

// Every event puts, and so often replaces, one of 97 rows of up to 6,000 bytes; every third erases
// another before that.
inline void AddStoreChanges(Entry* entry) {
  const int64_t revision = entry->revision;
  if (revision % 3 == 0) {
    entry->store.push_back({Space::kTicket, KeyOf(revision * 7 % 97), std::nullopt});
  }
  entry->store.push_back(
      {Space::kTicket, KeyOf(revision * 5 % 97),
       absl::StrCat("row ", revision, " ",
                    std::string(static_cast<size_t>(revision * 131 % 6000), 'y'))});
}

// What is in the store after the event `head`, if all from the first had AddStoreChanges.
inline std::map<std::string, std::string> StoreAt(int64_t head) {
  std::map<std::string, std::string> rows;
  for (int64_t revision = 1; revision <= head; ++revision) {
    Entry entry;
    entry.revision = revision;
    AddStoreChanges(&entry);
    for (StoreChange& change : entry.store) {
      if (change.value) {
        rows[change.key] = *std::move(change.value);
      } else {
        rows.erase(change.key);
      }
    }
  }
  return rows;
}

// The store has exactly that, and is whole.
inline void ExpectStoreAt(Journal* journal, int64_t head) {
  const std::map<std::string, std::string> expected = StoreAt(head);
  const auto rows = journal->NewArchiveReader()->Scan({.space = Space::kTicket});
  ASSERT_TRUE(rows.ok()) << rows.status();
  std::map<std::string, std::string> found;
  int64_t bytes = 0;
  for (const StoreRow& row : *rows) {
    found[row.key] = row.value;
    bytes += static_cast<int64_t>(row.value.size());
  }
  EXPECT_TRUE(found == expected) << "at " << head << ": " << found.size() << " rows, not "
                                 << expected.size();
  EXPECT_EQ(journal->store_size(Space::kTicket),
            (StoreSize{static_cast<int64_t>(expected.size()), bytes}));
  const auto verified = journal->VerifyStore([] { return absl::OkStatus(); });
  ASSERT_TRUE(verified.ok()) << verified.status();
  EXPECT_EQ(*verified, static_cast<int64_t>(expected.size()));
}

}  // namespace coordhub::journal
