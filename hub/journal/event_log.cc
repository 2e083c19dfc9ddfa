#include "hub/journal/event_log.h"

#include "agent/base/error.h"
#include "hub/journal/errors.h"

namespace coordhub::journal {

AppendOutcome OutcomeOf(const absl::Status& status) {
  if (status.ok()) return AppendOutcome::kDurable;
  if (IsDiskFull(status)) return AppendOutcome::kFull;
  return base::ReasonOf(status) == base::pb::ERROR_REASON_STATE_DIR_LOST ? AppendOutcome::kFenced
                                                                         : AppendOutcome::kUnknown;
}

size_t SizeOf(const Entry& entry) {
  size_t size = entry.event_bytes.size() + entry.private_bytes.size();
  for (const StoreChange& change : entry.store) {
    size += change.key.size() + (change.value ? change.value->size() : 0);
  }
  return size;
}

}  // namespace coordhub::journal
