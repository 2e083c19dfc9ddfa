#include "hub/engine/heartbeat.h"

#include <pthread.h>

#include <utility>

namespace coordhub::engine {

Heartbeat::Heartbeat(absl::Duration period, std::function<void()> beat)
    : period_(period), beat_(std::move(beat)), thread_([this] { Run(); }) {}

Heartbeat::~Heartbeat() { Stop(); }

void Heartbeat::Stop() {
  {
    base::MutexLock lock(&mu_);
    stopping_ = true;
    wake_.Signal();
  }
  if (thread_.joinable()) thread_.join();
}

void Heartbeat::SetBeating(bool beating) {
  beating_ = beating;
  if (!beating || !resting_) return;
  base::MutexLock lock(&mu_);
  wake_.Signal();
}

void Heartbeat::Run() {
  pthread_setname_np(pthread_self(), "heartbeat");
  while (true) {
    {
      base::MutexLock lock(&mu_);
      // Announced before beating_ is read: who sets that afterwards sees it, and wakes us.
      resting_ = true;
      while (!beating_ && !stopping_) wake_.Wait(&mu_);
      resting_ = false;
      if (stopping_) return;
    }
    beat_();
    base::MutexLock lock(&mu_);
    if (!stopping_) wake_.WaitWithTimeout(&mu_, period_);
  }
}

}  // namespace coordhub::engine
