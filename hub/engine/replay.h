#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "agent/base/clock.h"
#include "hub/core/state.h"
#include "hub/journal/journal.h"

namespace coordhub::engine {

// Where a fold begins.
enum class FoldFrom {
  // The newest whole snapshot: the fast way to a running state.
  kNewestSnapshot,
  // The first event, or the oldest snapshot that the kept events continue: for verification.
  kBeginning,
};

struct FoldResult {
  std::unique_ptr<core::State> state;
  // Events that were read and checked.
  int64_t events = 0;
  // Of the snapshot that the fold began with; zeros: none.
  int64_t snapshot_revision = 0;
  int64_t snapshot_records = 0;
};

// Folds a journal up to `to_revision` (a commit boundary). Blocks on the disk. `note` gets remarks
// for the log (a damaged snapshot that was passed over); `cancelled`, where given, is asked now and
// then, and told the revision that is reached. Errors: JOURNAL_DAMAGED, IO_FAILED, HUB_DRAINING
// (cancelled).
absl::StatusOr<FoldResult> Fold(journal::Journal* journal, FoldFrom from, int64_t to_revision,
                                const base::Now& now, const std::function<void(std::string)>& note,
                                const std::function<bool(int64_t)>& cancelled = nullptr);

// Loads the newest snapshot of this version's and compares its records with the digest that they
// were written with: a digest means the same within one build only. Blocks on the disk. OK: there
// is none. Errors: JOURNAL_DAMAGED, IO_FAILED.
absl::Status CheckSnapshot(journal::Journal* journal, const std::string& version,
                           const base::Now& now);

}  // namespace coordhub::engine
