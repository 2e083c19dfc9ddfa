// A watch of the log that goes on by itself: through broken connections and restarts of the hub.

#pragma once

#include <memory>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "agent/base/mutex.h"
#include "agent/client/client.h"
#include "agent/client/watch_cursor.h"

namespace coordhub::agent {

// Every event that the filter and the caller's rights admit, once, in order, from the start; where
// that is impossible, OnReset says so. A handler that is slow holds back the stream; the hub lets
// go of one that does not read for long, and the watch then goes on from where it was.
//
// The methods are thread-safe. From within a callback all may be called but Stop and the
// destructor; RequestStop ends the watch from there.
class Watch {
 public:
  // Opens the stream in the background. `handler` is not owned and outlives the watch.
  Watch(const Client& client, WatchOptions options, WatchHandler* handler);
  // Stops it.
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  // The last commit boundary up to which everything was delivered, as of the last response that was
  // worked off. What is kept of it for later can
  // be given to another watch (WatchOptions::after): what that delivers then begins with a whole
  // commit, of which this watch may have delivered the first part.
  WatchPosition position() const;

  // Ends the watch soon; does not wait.
  void RequestStop();
  // Ends the watch: no callback comes after it has returned. Idempotent.
  void Stop();
  // Blocks until the watch is over, by OnEnd, a stop, or the shutdown of its client.
  void Join();

 private:
  void Run();
  // One stream, from its opening to its end.
  absl::Status RunStream();
  // Waits before the next stream. False: stopped.
  bool Pause(absl::Duration delay);
  bool stopping() const;
  void PublishPosition();

  const Client client_;
  const absl::Duration connect_timeout_;
  const absl::Duration reconnect_timeout_;
  WatchHandler& handler_;
  WatchCursor cursor_;  // the thread's

  mutable base::Mutex mu_;  // a leaf; no callback is made under it
  base::CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  bool done_ ABSL_GUARDED_BY(mu_) = false;
  EventStream* stream_ ABSL_GUARDED_BY(mu_) = nullptr;  // the one that is open
  WatchPosition position_ ABSL_GUARDED_BY(mu_);

  base::Mutex join_mu_;  // before mu_
  std::thread thread_ ABSL_GUARDED_BY(join_mu_);
};

}  // namespace coordhub::agent
