#pragma once

#include <functional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "agent/base/mutex.h"

namespace coordhub::engine {

// Calls a function again and again from a thread that does nothing else, and above all no I/O: that
// it was late proves that the process stood still, not that a disk was slow.
class Heartbeat {
 public:
  Heartbeat(absl::Duration period, std::function<void()> beat);
  ~Heartbeat();

  // Idempotent.
  void Stop();

 private:
  void Run();

  const absl::Duration period_;
  const std::function<void()> beat_;
  base::Mutex mu_;
  base::CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace coordhub::engine
