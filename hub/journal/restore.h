#pragma once

#include "absl/status/status.h"
#include "agent/base/endpoint.h"

namespace coordhub::journal {

// At a start, under the lock: tidies up after a restore that reached its end.
// Errors: JOURNAL_DAMAGED (a restore was interrupted: it has to be repeated), IO_FAILED.
absl::Status FinishRestore(const base::StatePaths& paths);

}  // namespace coordhub::journal
