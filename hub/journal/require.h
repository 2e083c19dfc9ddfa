#pragma once

#include <cstdio>
#include <cstdlib>

#include "absl/types/span.h"
#include "hub/journal/journal.h"

namespace coordhub::journal {

// Ends the process when a caller broke a precondition: what is written after it could not be
// trusted.
inline void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "FATAL: journal: %s\n", what);
  std::abort();
}

// The callers of Append number revisions; what they get wrong would be in the log for ever.
inline void RequireWholeCommits(absl::Span<const Entry> entries, int64_t head) {
  int64_t commit = head;
  for (const Entry& entry : entries) {
    Require(entry.revision == head + 1, "Append: revisions are not dense");
    if (entry.revision > commit) commit = entry.commit_revision;
    Require(entry.commit_revision == commit && commit >= entry.revision,
            "Append: commits are not contiguous");
    head = entry.revision;
  }
  Require(head == commit, "Append: the last commit is not whole");
}

}  // namespace coordhub::journal
