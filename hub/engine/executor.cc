#include "hub/engine/executor.h"

#include <utility>

#include "agent/base/error.h"

namespace coordhub::engine {
namespace {

absl::Status Stopping() {
  return base::MakeError(v1::ERROR_REASON_HUB_DRAINING, "the hub is stopping");
}

}  // namespace

Executor::Executor(size_t capacity) : capacity_(capacity), thread_([this] { Run(); }) {}

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
    refusal = stopping_ ? Stopping()
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

void Executor::Run() {
  while (true) {
    Task task;
    absl::Status status;
    {
      base::MutexLock lock(&mu_);
      while (tasks_.empty() && !stopping_) wake_.Wait(&mu_);
      if (tasks_.empty()) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
      if (stopping_) status = Stopping();
    }
    task(status);
  }
}

}  // namespace coordhub::engine
