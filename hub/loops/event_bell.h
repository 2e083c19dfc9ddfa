// Wakes a loop when a workspace has news.

#pragma once

#include <cstdint>
#include <utility>

#include "absl/time/time.h"
#include "hub/engine/broadcaster.h"
#include "hub/loops/loop.h"

namespace coordhub::loops {

// Rings once for each Arm, when there is something after its revision. Made and destroyed on the
// loop's thread, which alone arms it.
class EventBell final : public engine::EventListener {
 public:
  // `broadcaster` is not owned. News is told after `delay`, so that a burst comes as one.
  EventBell(engine::Broadcaster* broadcaster, Waker waker, absl::Duration delay)
      : broadcaster_(*broadcaster), waker_(std::move(waker)), delay_(delay) {
    broadcaster_.Register(this);
  }
  ~EventBell() override { broadcaster_.Unregister(this); }
  EventBell(const EventBell&) = delete;
  EventBell& operator=(const EventBell&) = delete;

  void Arm(int64_t revision) { broadcaster_.Arm(this, revision); }

  // On the broadcaster's thread.
  void OnEvents() override { waker_(delay_); }

 private:
  engine::Broadcaster& broadcaster_;
  const Waker waker_;
  const absl::Duration delay_;
};

}  // namespace coordhub::loops
