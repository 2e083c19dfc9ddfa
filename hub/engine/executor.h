#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "agent/base/mutex.h"

namespace coordhub::engine {

// One thread that runs tasks in order, for work that may block on the disk. Bounded. Any thread.
class Executor {
 public:
  // Called once, on the thread: OK to do the work, or why it must not be done any more.
  using Task = std::function<void(const absl::Status&)>;

  // For ps and top: at most 15 bytes. `kBackground` yields the processor to everybody else.
  enum class Priority { kNormal, kBackground };
  Executor(size_t capacity, const char* name, Priority priority = Priority::kNormal);
  ~Executor();

  // Queues the task, or calls it here at once with OVERLOADED (the queue is full) or HUB_DRAINING
  // (stopped).
  void Post(Task task);
  // Lets the task under way finish, calls the queued ones with HUB_DRAINING, ends the thread.
  // Idempotent; not from a task.
  void Stop();

 private:
  void Run(const char* name, Priority priority);

  const size_t capacity_;
  base::Mutex mu_;
  base::CondVar wake_;
  std::deque<Task> tasks_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace coordhub::engine
