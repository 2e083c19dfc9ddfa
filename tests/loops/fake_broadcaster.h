// A broadcaster whose news a test makes.

#pragma once

#include "absl/base/thread_annotations.h"
#include "agent/base/mutex.h"
#include "hub/engine/broadcaster.h"

namespace coordhub::loops {

// Wakes one listener as the real one does: level-triggered, on the publisher's thread.
class FakeBroadcaster final : public engine::Broadcaster {
 public:
  void Publish(int64_t revision) {
    base::MutexLock lock(&mu_);
    published_ = revision;
    WakeIfBehind();
  }

  ReadResult Read(int64_t, const core::Filter&, size_t, size_t) const override { return {}; }
  int64_t published_revision() const override {
    base::MutexLock lock(&mu_);
    return published_;
  }
  int64_t first_revision() const override { return 1; }
  void Register(engine::EventListener* listener) override {
    base::MutexLock lock(&mu_);
    listener_ = listener;
  }
  void Arm(engine::EventListener*, int64_t cursor) override {
    base::MutexLock lock(&mu_);
    armed_ = true;
    cursor_ = cursor;
    WakeIfBehind();
  }
  void Unregister(engine::EventListener*) override {
    base::MutexLock lock(&mu_);
    listener_ = nullptr;
  }
  size_t listener_count() const override {
    base::MutexLock lock(&mu_);
    return listener_ == nullptr ? 0 : 1;
  }
  engine::LentThread& lent_thread() override { return lent_thread_; }

 private:
  void WakeIfBehind() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (listener_ == nullptr || !armed_ || published_ <= cursor_) return;
    armed_ = false;
    listener_->OnEvents();
  }

  engine::LentThread lent_thread_;
  mutable base::Mutex mu_;
  engine::EventListener* listener_ ABSL_GUARDED_BY(mu_) = nullptr;
  int64_t published_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t cursor_ ABSL_GUARDED_BY(mu_) = 0;
  bool armed_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace coordhub::loops
