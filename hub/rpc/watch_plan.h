// Where a watch or a listing of events begins.

#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "coordhub/v1/event_service.pb.h"
#include "hub/core/filter.h"
#include "hub/engine/workspace.h"

namespace coordhub::rpc {

// What a log has, as of one moment.
struct LogPosition {
  std::string log_id;
  int64_t head_revision = 0;
  int64_t compact_revision = 0;
};

// A watch that may begin.
struct WatchPlan {
  LogPosition log;
  // Begin with its records; null: no snapshot.
  engine::ViewPtr snapshot;
  // Events after this revision.
  int64_t after_revision = 0;
  core::Filter filter;
  absl::Duration bookmark_interval;
};

// The cursor that a request's `after_revision` means: 0 is before the first event that is kept.
int64_t FirstAfter(const LogPosition& log, int64_t after_revision);

// Whether events after this cursor can be had, all of them. An empty `log_id` is not checked.
// Errors:
//   LOG_REPLACED        the cursor belongs to another log, or is ahead of this one.
//   REVISION_COMPACTED  some were dropped.
absl::Status CheckCursor(const LogPosition& log, const std::string& log_id, int64_t after_revision);

// Errors: those of CheckCursor. Pure; any thread.
absl::StatusOr<WatchPlan> PlanWatch(const v1::WatchEventsRequest& request, LogPosition log,
                                    engine::ViewPtr view);

}  // namespace coordhub::rpc
