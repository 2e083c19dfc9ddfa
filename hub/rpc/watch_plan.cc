#include "hub/rpc/watch_plan.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "hub/core/limits.h"
#include "hub/core/proto_time.h"

namespace coordhub::rpc {

int64_t FirstAfter(const LogPosition& log, int64_t after_revision) {
  return after_revision == 0 ? log.compact_revision : after_revision;
}

absl::Status CheckCursor(const LogPosition& log, const std::string& log_id,
                         int64_t after_revision) {
  const std::string head = absl::StrCat(log.head_revision);
  const bool replaced = !log_id.empty() && log_id != log.log_id;
  if (replaced || after_revision > log.head_revision) {
    return base::MakeError(
        base::pb::ERROR_REASON_LOG_REPLACED,
        replaced ? absl::StrCat("the log is ", log.log_id, ", not ", log_id)
                 : absl::StrCat("revision ", after_revision, " is ahead of the head, ", head),
        {{"log_id", log.log_id}, {"head_revision", head}});
  }
  if (after_revision < log.compact_revision) {
    const std::string compact = absl::StrCat(log.compact_revision);
    return base::MakeError(base::pb::ERROR_REASON_REVISION_COMPACTED,
                           absl::StrCat("events up to revision ", compact, " were compacted away"),
                           {{"compact_revision", compact}, {"head_revision", head}});
  }
  return absl::OkStatus();
}

absl::StatusOr<WatchPlan> PlanWatch(const v1::WatchEventsRequest& request, LogPosition log,
                                    engine::ViewPtr view) {
  WatchPlan plan;
  plan.log = std::move(log);
  plan.filter = core::Filter(request.filter());
  plan.bookmark_interval = request.has_bookmark_interval()
                               ? core::FromProto(request.bookmark_interval())
                               : core::limits::kBookmarkDefault;
  plan.after_revision = view->revision;
  switch (request.start()) {
    case v1::WatchEventsRequest::START_SNAPSHOT:
      plan.snapshot = std::move(view);
      break;
    case v1::WatchEventsRequest::START_NOW:
      break;
    default:
      plan.after_revision = FirstAfter(plan.log, request.after_revision());
      COORDHUB_RETURN_IF_ERROR(CheckCursor(plan.log, request.log_id(), plan.after_revision));
  }
  return plan;
}

}  // namespace coordhub::rpc
