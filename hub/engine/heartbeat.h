#pragma once

#include <atomic>
#include <functional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "agent/base/mutex.h"

namespace coordhub::engine {

// Calls a function again and again from a thread that does nothing else, and above all no I/O: that
// it was late proves that the process stood still, not that a disk was slow. Rests while nobody
// depends on it. Any thread.
class Heartbeat {
 public:
  Heartbeat(absl::Duration period, std::function<void()> beat);
  ~Heartbeat();

  // Resting at first. It beats at once when it was at rest, and rests once a period is over: often
  // changing one's mind costs nothing.
  void SetBeating(bool beating) ABSL_LOCKS_EXCLUDED(mu_);

  // Idempotent.
  void Stop();

 private:
  void Run();

  const absl::Duration period_;
  const std::function<void()> beat_;
  base::Mutex mu_;
  base::CondVar wake_;
  std::atomic<bool> beating_{false};
  // The thread waits until it shall beat, or is about to.
  std::atomic<bool> resting_{false};
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace coordhub::engine
