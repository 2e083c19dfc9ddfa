// Bookmarks and slow watchers are found by time.

#pragma once

#include <cstdint>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/base/mutex.h"
#include "hub/rpc/stream.h"

namespace coordhub::rpc {

// One thread that calls streams when their time has come: one time a stream. It runs on the
// injected clock, looking at it at least every kPoll while anything is set, so that it also sees a
// clock that is moved by hand. Any thread; no lock is held while a stream is called.
class StreamTimer {
 public:
  static constexpr absl::Duration kPoll = absl::Milliseconds(50);

  explicit StreamTimer(const base::Clock* clock);
  ~StreamTimer();

  // Calls OnTimer once at `when` or soon after; replaces what was set before.
  void Set(const std::shared_ptr<Stream>& stream, base::MonoTime when);
  void Cancel(const Stream* stream);

  // Ends the thread; later calls of Set do nothing. Idempotent. Not from a stream's OnTimer.
  void Stop();

 private:
  struct Entry {
    base::MonoTime when;
    std::weak_ptr<Stream> stream;
  };

  void Run();
  // Waits until something is due, and takes it. Empty: stopping.
  std::vector<std::shared_ptr<Stream>> TakeDue();
  void Erase(const Stream* stream) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const base::Clock& clock_;
  base::Mutex mu_;
  base::CondVar wake_;
  absl::flat_hash_map<const Stream*, Entry> entries_ ABSL_GUARDED_BY(mu_);
  absl::btree_set<std::pair<base::MonoTime, const Stream*>> schedule_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace coordhub::rpc
