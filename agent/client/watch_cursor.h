// Where a watcher stands in the log: decides what to deliver, and where to go on after a break.

#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "coordhub/v1/event_service.pb.h"

namespace coordhub::agent {

namespace pb = ::coordhub::v1;

// A place in one log.
struct WatchPosition {
  std::string log_id;    // empty: not known yet
  int64_t revision = 0;  // everything up to here was seen
};

// Why a watch had to leave its place.
enum class WatchReset {
  kCompacted,       // events that were not seen yet have been dropped
  kLogReplaced,     // the log is another one: a backup was restored
  kSnapshotBroken,  // the snapshot broke off half-way and comes again, whole
};

// What a watch delivers, in order. All calls come on the watch's thread, one at a time.
class WatchHandler {
 public:
  virtual ~WatchHandler() = default;
  // Each event once, revisions rising.
  virtual void OnEvent(const pb::Event& event) = 0;
  // A part of a snapshot, where the watch begins (or begins again) with one. With the first part,
  // what was known before is void.
  virtual void OnSnapshot(const pb::SnapshotChunk& /*chunk*/) {}
  // Nothing at or before `position.revision` follows.
  virtual void OnBookmark(const WatchPosition& /*position*/) {}
  // The sequence is torn: `why` says how. A snapshot follows if the options ask for one, else
  // OnEnd.
  virtual void OnReset(WatchReset /*reset*/, const absl::Status& /*why*/) {}
  // The stream is open (again); events follow the revision.
  virtual void OnConnected(const pb::WatchOpened& /*opened*/) {}
  // The stream broke and is going to be opened again.
  virtual void OnDisconnected(const absl::Status& /*why*/) {}
  // The watch is over. Last call; not made when the owner stopped the watch.
  virtual void OnEnd(const absl::Status& /*why*/) {}
};

struct WatchOptions {
  enum class Start {
    kNow,       // with the next event
    kAfter,     // with the event after `after`; after revision 0: with the first that is kept
    kSnapshot,  // with all records, then the events after them
  };
  Start start = Start::kNow;
  WatchPosition after;
  // What to do when the place is lost (OnReset): begin again with a snapshot, or end.
  bool snapshot_on_reset = true;
  // Which events. Empty: all.
  pb::EventFilter filter;
  // How often the hub says that nothing happened; 1 s to 1 h. Zero: its default.
  absl::Duration bookmark_interval;
  // How long to go on without a hub, at first and after a break, before OnEnd.
  absl::Duration connect_timeout = absl::InfiniteDuration();
  absl::Duration reconnect_timeout = absl::InfiniteDuration();
};

// Pure but for the handler that it calls. Not thread-safe.
//
// Two marks: the last revision delivered, which may lie inside a commit and is where a broken
// stream goes on, so that nothing comes twice; and the last commit boundary, which is what may be
// kept for another process or shown as "the state at".
class WatchCursor {
 public:
  explicit WatchCursor(WatchOptions options);

  // The request that opens the stream at the present place.
  pb::WatchEventsRequest Request(const std::string& workspace_id) const;
  // A stream was opened with Request(); responses that come next are its.
  void StreamOpened() { greeted_ = false; }

  // Delivers what `response` brings, until `stopped` says true between two events. What was
  // delivered before is dropped silently.
  //
  // Errors:
  //   INTERNAL            the hub broke the contract.
  //   REVISION_COMPACTED  the place is lost.
  // The stream must be given up then, and StreamEnded be told.
  absl::Status Accept(const pb::WatchEventsResponse& response, WatchHandler* handler,
                      const std::function<bool()>& stopped);

  // How to go on after the stream ended with `status`. Calls OnReset where the place is lost.
  enum class Next {
    kResume,  // open again at Request()
    kEnd,     // `status` is final
  };
  Next StreamEnded(const absl::Status& status, WatchHandler* handler);

  // At the last commit boundary. Its log_id is empty until the first stream opened.
  WatchPosition position() const { return {log_id_, boundary_}; }
  // The last revision delivered or bookmarked.
  int64_t last_revision() const { return last_; }
  // Events that came a second time and were not delivered. 0 with a sound hub.
  int64_t duplicates() const { return duplicates_; }
  // True once the stream that is open now has greeted.
  bool greeted() const { return greeted_; }

 private:
  absl::Status AcceptOpened(const pb::WatchOpened& opened, WatchHandler* handler);
  absl::Status AcceptStart(const pb::WatchOpened& opened);
  absl::Status AcceptSnapshot(const pb::SnapshotChunk& chunk, WatchHandler* handler);
  void AcceptEvent(const pb::Event& event, WatchHandler* handler);
  void AcceptBookmark(const pb::Bookmark& bookmark, WatchHandler* handler);

  const WatchOptions options_;
  WatchOptions::Start start_;        // how the next stream begins
  bool snapshot_under_way_ = false;  // some of it was delivered, not all
  bool greeted_ = false;
  bool placed_ = false;  // a stream was opened: `last_` is a place, also when it is 0
  std::string log_id_;
  int64_t last_ = 0;
  int64_t boundary_ = 0;
  int64_t open_commit_ = 0;  // commit_revision of the commit that `last_` lies in; 0: none
  int64_t duplicates_ = 0;
};

}  // namespace coordhub::agent
