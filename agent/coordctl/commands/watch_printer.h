// Prints what a watch delivers.

#pragma once

#include <cstdint>
#include <functional>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "agent/base/mutex.h"
#include "agent/client/watch_cursor.h"
#include "agent/coordctl/context.h"

namespace coordhub::coordctl {

// One line for each event; with --json one object a line with one member, which tells what it is:
// `event`, `snapshot` (a record; a bookmark ends the snapshot), `bookmark`, `opened`, `reset`,
// `compacted`. Each line is flushed.
//
// The callbacks come on the watch's thread; set_on_finished may come while they do.
class WatchPrinter final : public agent::WatchHandler {
 public:
  struct Options {
    int64_t count = 0;  // finished after so many events; 0: never
    bool bookmarks = false;
    bool from_first = false;  // the first event was asked for: one that is gone is a note
  };
  WatchPrinter(Context* context, Options options) : context_(*context), options_(options) {}

  void OnEvent(const pb::Event& event) override;
  void OnSnapshot(const pb::SnapshotChunk& chunk) override;
  void OnBookmark(const agent::WatchPosition& position) override;
  void OnReset(agent::WatchReset reset, const absl::Status& why) override;
  void OnConnected(const pb::WatchOpened& opened) override;
  void OnDisconnected(const absl::Status& why) override;
  // The events up to `revision` were asked for and are gone: a note, with --json a line
  // `compacted`.
  void OnCompacted(int64_t revision);
  void OnEnd(const absl::Status& why) override { end_ = why; }

  // Called once, on the thread that finishes; at once if it is finished already.
  void set_on_finished(std::function<void()> callback);
  bool finished();
  // Why the watch ended by itself; OK if it did not. Read it when the watch is over.
  const absl::Status& end() const { return end_; }

 private:
  void PrintBookmark(const agent::WatchPosition& position);
  void Line(const std::string& member, const std::string& json);
  void Note(const std::string& text);

  Context& context_;
  const Options options_;
  int64_t printed_ = 0;  // the watch's thread's
  absl::Status end_;     // the watch's thread's, until it is over
  bool disconnected_ = false;
  std::string log_id_;

  base::Mutex mu_;  // a leaf; not held while the callback runs
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
  std::function<void()> on_finished_ ABSL_GUARDED_BY(mu_);
};

}  // namespace coordhub::coordctl
