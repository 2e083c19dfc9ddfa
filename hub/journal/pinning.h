#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "hub/journal/database.h"
#include "hub/journal/event_reader.h"
#include "hub/journal/journal.h"

// What Compact does to the tables, within its transaction.
// Errors of all: JOURNAL_DAMAGED (file, revision), DISK_FULL, IO_FAILED.
namespace coordhub::journal {

// Makes `pinned` hold the commits of `wanted` that end at or before `revision`, as far as they are
// there: those after `mark` are copied, others that it holds stay or go. Returns the number of
// events copied.
absl::StatusOr<int64_t> PinCommits(Database* database, const CompactMark& mark, int64_t revision,
                                   absl::Span<const CommitRange> wanted);

// The checksum of the event `revision`, which must end a commit.
absl::StatusOr<Checksum> ReadBoundary(Database* database, int64_t revision);

}  // namespace coordhub::journal
