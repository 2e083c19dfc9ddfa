// Bookmarks and slow watchers are found by time.

#pragma once

#include <cstdint>
#include <functional>
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
#include "hub/engine/lent_thread.h"
#include "hub/rpc/stream.h"

namespace coordhub::rpc {

// One thread that calls streams when their time has come, or has somebody else call them: one time
// a stream. It runs on the injected clock; one that is moved by hand it looks at every kPoll while
// anything is set. Any thread; no lock is held while a stream is called.
class StreamTimer {
 public:
  static constexpr absl::Duration kPoll = absl::Milliseconds(50);

  // `is_manual`: the clock is moved by hand.
  StreamTimer(const base::Clock* clock, bool is_manual);
  ~StreamTimer();

  // Calls OnTimer once at `when` or soon after; replaces what was set before.
  void Set(const std::shared_ptr<Stream>& stream, base::MonoTime when);
  void Cancel(const Stream* stream);

  // Where streams are called instead of on the timer's thread, while it is lent.
  engine::LentThread& lent_thread() { return lent_thread_; }

  // Ends the thread; later calls of Set do nothing. Idempotent. Not from a stream's OnTimer.
  void Stop();

 private:
  struct Entry {
    base::MonoTime when;
    std::weak_ptr<Stream> stream;
  };

  void Run();
  void CallAll(std::vector<std::shared_ptr<Stream>> due);
  // Waits until something is due, and takes it. Empty: stopping.
  std::vector<std::shared_ptr<Stream>> TakeDue();
  void Erase(const Stream* stream) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const base::Clock& clock_;
  const bool is_manual_;
  engine::LentThread lent_thread_;

  base::Mutex mu_;
  base::CondVar wake_;
  absl::flat_hash_map<const Stream*, Entry> entries_ ABSL_GUARDED_BY(mu_);
  absl::btree_set<std::pair<base::MonoTime, const Stream*>> schedule_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace coordhub::rpc
