#pragma once

#include <cstdio>
#include <cstdlib>
#include <iterator>

#include "absl/types/span.h"
#include "hub/journal/event_log.h"

namespace coordhub::journal {

// Ends the process when a caller broke a precondition: what is written after it could not be
// trusted.
inline void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "FATAL: journal: %s\n", what);
  std::abort();
}

// Keys and values of the store have limits; which space it is, too, would be on disk for ever.
inline void RequireStoreChanges(absl::Span<const StoreChange> changes) {
  for (const StoreChange& change : changes) {
    const int space = static_cast<int>(change.space);
    Require(space >= 1 && space <= static_cast<int>(std::size(kSpaces)), "no such space");
    Require(!change.key.empty() && change.key.size() <= kMaxStoreKeyBytes,
            "a key of the store is empty or too long");
    Require(!change.value || change.value->size() <= kMaxStoreValueBytes,
            "a value of the store is too long");
  }
}

// The callers of Append number revisions; what they get wrong would be in the log for ever.
inline void RequireWholeCommits(absl::Span<const Entry> entries, int64_t head, size_t max_bytes) {
  int64_t commit = head;
  size_t bytes = 0;
  for (const Entry& entry : entries) {
    Require(entry.revision == head + 1, "Append: revisions are not dense");
    if (entry.revision > commit) commit = entry.commit_revision;
    Require(entry.commit_revision == commit && commit >= entry.revision,
            "Append: commits are not contiguous");
    head = entry.revision;
    bytes += SizeOf(entry);
    RequireStoreChanges(entry.store);
  }
  Require(bytes <= max_bytes, "Append: more than max_append_bytes");
  Require(head == commit, "Append: the last commit is not whole");
}

}  // namespace coordhub::journal
