#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "hub/journal/entry.h"

// The errors that several parts of the journal make. Pure, thread-safe.
namespace coordhub::journal {

// JOURNAL_DAMAGED: `what` is wrong in `file`. Metadata: file.
absl::Status Damaged(const std::string& file, std::string_view what);

// JOURNAL_DAMAGED at an event. Metadata: file, revision.
absl::Status DamagedAt(const std::string& file, int64_t revision, std::string_view what);

// JOURNAL_DAMAGED at a row of the store, which the event `revision` put there (0: unknown).
// Metadata: file, revision.
absl::Status DamagedRow(const std::string& file, int64_t revision, Space space,
                        std::string_view key, std::string_view what);

// JOURNAL_TOO_NEW: `file` has the format `format`. Metadata: file, format, written_by.
absl::Status TooNew(const std::string& file, int64_t format, const std::string& written_by);

// REVISION_COMPACTED: the events up to `compact_revision` are gone. Metadata: compact_revision,
// head_revision.
absl::Status Compacted(int64_t compact_revision, int64_t head_revision);

// IO_FAILED: an earlier failure left it unknown what the disk holds.
absl::Status Refused(const std::string& file);

// STATE_DIR_LOST: this process must not append any more; `why` says how that shows at `path`.
// OutcomeOf gives kFenced. Metadata: path.
absl::Status Fenced(const std::string& path, std::string_view why);

// STATE_DIR_UNUSABLE. Metadata: path.
absl::Status Unusable(const std::string& path, std::string_view why);

// Whether `status` says that the disk is full.
bool IsDiskFull(const absl::Status& status);

}  // namespace coordhub::journal
