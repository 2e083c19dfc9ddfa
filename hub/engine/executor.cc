#include "hub/engine/executor.h"

#include <utility>

namespace coordhub::engine {

Executor::Executor() : thread_([this] { Run(); }) {}

Executor::~Executor() { Stop(); }

bool Executor::Post(std::function<void()> task) {
  base::MutexLock lock(&mu_);
  if (stopping_) return false;
  tasks_.push_back(std::move(task));
  wake_.Signal();
  return true;
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
    std::function<void()> task;
    {
      base::MutexLock lock(&mu_);
      while (tasks_.empty() && !stopping_) wake_.Wait(&mu_);
      if (tasks_.empty()) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
}

}  // namespace coordhub::engine
