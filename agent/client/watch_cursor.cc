#include "agent/client/watch_cursor.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "agent/client/proto_time.h"
#include "agent/client/retry_policy.h"

namespace coordhub::agent {
namespace {

absl::Status ContractBroken(const std::string& how) {
  return base::MakeError(pb::ERROR_REASON_INTERNAL, "the hub's event stream is faulty: " + how);
}

}  // namespace

WatchCursor::WatchCursor(WatchOptions options)
    : options_(std::move(options)), start_(options_.start) {
  if (start_ != WatchOptions::Start::kAfter) return;
  log_id_ = options_.after.log_id;
  last_ = boundary_ = options_.after.revision;
}

pb::WatchEventsRequest WatchCursor::Request(const std::string& workspace_id) const {
  pb::WatchEventsRequest request;
  request.set_workspace_id(workspace_id);
  switch (start_) {
    case WatchOptions::Start::kNow:
      request.set_start(pb::WatchEventsRequest::START_NOW);
      break;
    case WatchOptions::Start::kSnapshot:
      request.set_start(pb::WatchEventsRequest::START_SNAPSHOT);
      break;
    case WatchOptions::Start::kAfter:
      request.set_start(pb::WatchEventsRequest::START_AFTER_REVISION);
      request.set_after_revision(last_);
      request.set_log_id(log_id_);
      break;
  }
  if (options_.filter.ByteSizeLong() > 0) *request.mutable_filter() = options_.filter;
  if (options_.bookmark_interval > absl::ZeroDuration()) {
    *request.mutable_bookmark_interval() = ToProto(options_.bookmark_interval);
  }
  return request;
}

absl::Status WatchCursor::Accept(const pb::WatchEventsResponse& response, WatchHandler* handler,
                                 const std::function<bool()>& stopped) {
  if (response.has_opened()) {
    COORDHUB_RETURN_IF_ERROR(AcceptOpened(response.opened(), handler));
  }
  if (!greeted_) return ContractBroken("it does not begin with `opened`");
  if (response.has_snapshot()) {
    COORDHUB_RETURN_IF_ERROR(AcceptSnapshot(response.snapshot(), handler));
  }
  if (response.events_size() > 0 && start_ == WatchOptions::Start::kSnapshot) {
    return ContractBroken("an event before the snapshot was complete");
  }
  for (const pb::Event& event : response.events()) {
    if (stopped()) return absl::OkStatus();
    AcceptEvent(event, handler);
  }
  if (response.has_bookmark() && start_ == WatchOptions::Start::kAfter) {
    AcceptBookmark(response.bookmark(), handler);
  }
  return absl::OkStatus();
}

absl::Status WatchCursor::AcceptOpened(const pb::WatchOpened& opened, WatchHandler* handler) {
  if (greeted_) return ContractBroken("`opened` came twice");
  if (start_ == WatchOptions::Start::kAfter) {
    if (!log_id_.empty() && opened.log_id() != log_id_) {
      return ContractBroken(absl::StrCat("it belongs to log ", opened.log_id(), ", not ", log_id_));
    }
    COORDHUB_RETURN_IF_ERROR(AcceptStart(opened));
  }
  greeted_ = placed_ = true;
  log_id_ = opened.log_id();
  if (start_ == WatchOptions::Start::kNow) {
    start_ = WatchOptions::Start::kAfter;
    last_ = boundary_ = opened.start_revision();
    open_commit_ = 0;
  }
  handler->OnConnected(opened);
  return absl::OkStatus();
}

// The hub takes 0 for "from the first event that is kept".
absl::Status WatchCursor::AcceptStart(const pb::WatchOpened& opened) {
  const int64_t start = opened.start_revision();
  if (start <= last_) return absl::OkStatus();
  if (last_ != 0) {
    return ContractBroken(absl::StrCat("it begins after revision ", start, ", not ", last_));
  }
  if (!placed_) {
    last_ = boundary_ = start;
    return absl::OkStatus();
  }
  // The log was empty when this watch saw it last.
  return base::MakeError(pb::ERROR_REASON_REVISION_COMPACTED,
                         absl::StrCat("events up to revision ", start, " were compacted away"),
                         {{"compact_revision", absl::StrCat(start)},
                          {"head_revision", absl::StrCat(opened.head_revision())}});
}

absl::Status WatchCursor::AcceptSnapshot(const pb::SnapshotChunk& chunk, WatchHandler* handler) {
  if (start_ != WatchOptions::Start::kSnapshot) {
    return ContractBroken("a snapshot that nobody asked for");
  }
  snapshot_under_way_ = !chunk.complete();
  if (chunk.complete()) {
    start_ = WatchOptions::Start::kAfter;
    last_ = boundary_ = chunk.revision();
    open_commit_ = 0;
  }
  handler->OnSnapshot(chunk);
  return absl::OkStatus();
}

void WatchCursor::AcceptEvent(const pb::Event& event, WatchHandler* handler) {
  if (event.revision() <= last_) {
    ++duplicates_;
    return;
  }
  // An event of another commit shows that the one before is complete, though its last event may not
  // have passed the filter.
  if (event.commit_revision() != open_commit_) boundary_ = std::max(boundary_, open_commit_);
  last_ = event.revision();
  if (event.revision() == event.commit_revision()) {
    boundary_ = event.commit_revision();
    open_commit_ = 0;
  } else {
    open_commit_ = event.commit_revision();
  }
  handler->OnEvent(event);
}

void WatchCursor::AcceptBookmark(const pb::Bookmark& bookmark, WatchHandler* handler) {
  // Behind what was delivered, or inside a commit that is still under way, it says nothing.
  if (bookmark.revision() < std::max(last_, open_commit_)) return;
  last_ = boundary_ = bookmark.revision();
  open_commit_ = 0;
  handler->OnBookmark(position());
}

WatchCursor::Next WatchCursor::StreamEnded(const absl::Status& status, WatchHandler* handler) {
  const pb::ErrorReason reason = base::ReasonOf(status);
  const bool compacted = reason == pb::ERROR_REASON_REVISION_COMPACTED;
  if (compacted || reason == pb::ERROR_REASON_LOG_REPLACED) {
    handler->OnReset(compacted ? WatchReset::kCompacted : WatchReset::kLogReplaced, status);
    if (!options_.snapshot_on_reset) return Next::kEnd;
    start_ = WatchOptions::Start::kSnapshot;
    snapshot_under_way_ = false;
    log_id_.clear();
    last_ = boundary_ = open_commit_ = 0;
    return Next::kResume;
  }
  // A faulty stream is shown, not repeated in the hope that nobody notices.
  if (IsPermanentStreamError(status) || reason == pb::ERROR_REASON_INTERNAL) return Next::kEnd;
  if (std::exchange(snapshot_under_way_, false)) {
    handler->OnReset(WatchReset::kSnapshotBroken, status);
  }
  return Next::kResume;
}

}  // namespace coordhub::agent
