#pragma once

#include <deque>
#include <functional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "agent/base/mutex.h"

namespace coordhub::engine {

// One thread that runs tasks in order, for work that may block on the disk. The queue's bound is
// its users': each has at most a stated number of tasks under way. Any thread.
class Executor {
 public:
  Executor();
  ~Executor();

  // False: stopped; the task was not taken.
  bool Post(std::function<void()> task);
  // Runs what is queued, then ends the thread. Idempotent; not from a task.
  void Stop();

 private:
  void Run();

  base::Mutex mu_;
  base::CondVar wake_;
  std::deque<std::function<void()>> tasks_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace coordhub::engine
