#include "hub/rpc/stream_timer.h"

#include <algorithm>

namespace coordhub::rpc {

StreamTimer::StreamTimer(const base::Clock* clock, bool is_manual)
    : clock_(*clock), is_manual_(is_manual), thread_([this] { Run(); }) {}

StreamTimer::~StreamTimer() { Stop(); }

void StreamTimer::Stop() {
  {
    base::MutexLock lock(&mu_);
    stopping_ = true;
    wake_.SignalAll();
  }
  if (thread_.joinable()) thread_.join();
}

void StreamTimer::Set(const std::shared_ptr<Stream>& stream, base::MonoTime when) {
  base::MutexLock lock(&mu_);
  if (stopping_) return;
  Erase(stream.get());
  const bool first = schedule_.empty() || when < schedule_.begin()->first;
  entries_[stream.get()] = {when, stream};
  schedule_.emplace(when, stream.get());
  if (first) wake_.Signal();
}

void StreamTimer::Cancel(const Stream* stream) {
  base::MutexLock lock(&mu_);
  Erase(stream);
}

void StreamTimer::Erase(const Stream* stream) {
  const auto found = entries_.find(stream);
  if (found == entries_.end()) return;
  schedule_.erase({found->second.when, stream});
  entries_.erase(found);
}

std::vector<std::shared_ptr<Stream>> StreamTimer::TakeDue() {
  std::vector<std::shared_ptr<Stream>> due;
  base::MutexLock lock(&mu_);
  while (!stopping_ && due.empty()) {
    if (schedule_.empty()) {
      wake_.Wait(&mu_);
      continue;
    }
    const base::MonoTime now = clock_.Mono();
    if (schedule_.begin()->first > now) {
      const absl::Duration left = schedule_.begin()->first - now;
      wake_.WaitWithTimeout(&mu_, is_manual_ ? std::min(left, kPoll) : left);
      continue;
    }
    while (!schedule_.empty() && schedule_.begin()->first <= now) {
      const Stream* stream = schedule_.begin()->second;
      if (auto alive = entries_.at(stream).stream.lock()) due.push_back(std::move(alive));
      Erase(stream);
    }
  }
  if (stopping_) due.clear();
  return due;
}

void StreamTimer::Run() {
  while (true) {
    std::vector<std::shared_ptr<Stream>> due = TakeDue();
    if (due.empty()) return;
    CallAll(std::move(due));
  }
}

void StreamTimer::CallAll(std::vector<std::shared_ptr<Stream>> due) {
  std::function<void()> task = [due = std::move(due)] {
    for (const auto& stream : due) stream->OnTimer();
  };
  if (!lent_thread_.TryRun(std::move(task))) task();
}

}  // namespace coordhub::rpc
