#include "hub/engine/executor.h"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <utility>

#include "agent/base/error.h"
#include "hub/engine/endings.h"

namespace coordhub::engine {
namespace {

constexpr int kBackgroundNice = 10;

}  // namespace

Executor::Executor(size_t capacity, const char* name, Priority priority)
    : capacity_(capacity), thread_([this, name, priority] { Run(name, priority); }) {}

Executor::~Executor() { Stop(); }

void Executor::Post(Task task) {
  absl::Status refusal;
  {
    base::MutexLock lock(&mu_);
    if (!stopping_ && tasks_.size() < capacity_) {
      tasks_.push_back(std::move(task));
      wake_.Signal();
      return;
    }
    refusal = stopping_ ? Draining()
                        : base::MakeError(v1::ERROR_REASON_OVERLOADED,
                                          "too many requests wait for the disk");
  }
  task(refusal);
}

void Executor::Stop() {
  {
    base::MutexLock lock(&mu_);
    stopping_ = true;
    wake_.Signal();
  }
  if (thread_.joinable()) thread_.join();
}

void Executor::Run(const char* name, Priority priority) {
  pthread_setname_np(pthread_self(), name);
  // On Linux the niceness of a thread id is that thread's own. That it cannot be had is no failure.
  if (priority == Priority::kBackground) {
    (void)setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kBackgroundNice);
  }
  while (true) {
    Task task;
    absl::Status status;
    {
      base::MutexLock lock(&mu_);
      while (tasks_.empty() && !stopping_) wake_.Wait(&mu_);
      if (tasks_.empty()) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
      if (stopping_) status = Draining();
    }
    task(status);
  }
}

}  // namespace coordhub::engine
