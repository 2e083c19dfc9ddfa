// An observer under test, and waiting for what it sees.

#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "agent/base/clock.h"
#include "agent/base/mutex.h"
#include "hub/git/observer.h"

namespace coordhub::git {

class LiveObserver {
 public:
  explicit LiveObserver(const std::string& common_dir, ObserverOptions options = {}) {
    options.clock = &clock_;
    options.on_change = [this] {
      base::MutexLock lock(&mu_);
      ++changes_;
      changed_.SignalAll();
    };
    auto observer = Observer::Open(common_dir, std::move(options));
    EXPECT_TRUE(observer.ok()) << observer.status();
    if (observer.ok()) observer_ = *std::move(observer);
  }

  Observer& operator*() const { return *observer_; }
  ObservationPtr Observe() const {
    const auto seen = observer_->Observe();
    EXPECT_TRUE(seen.ok()) << seen.status();
    return seen.ok() ? *seen : std::make_shared<const Observation>();
  }

  // Looks as a hub does, whenever it is told of a change, until it sees what `is_right` wants.
  // False: that did not come.
  bool Await(const std::function<bool(const Observation&)>& is_right) {
    const base::MonoTime deadline = clock_.Mono() + absl::Seconds(60);
    for (int seen_changes = -1; clock_.Mono() < deadline;) {
      {
        base::MutexLock lock(&mu_);
        while (changes_ == seen_changes && clock_.Mono() < deadline)
          changed_.WaitWithTimeout(&mu_, deadline - clock_.Mono());
        seen_changes = changes_;
      }
      if (is_right(*Observe())) return true;
    }
    return false;
  }

  int changes() const {
    base::MutexLock lock(&mu_);
    return changes_;
  }

 private:
  base::SystemClock clock_;
  mutable base::Mutex mu_;
  base::CondVar changed_;
  int changes_ ABSL_GUARDED_BY(mu_) = 0;
  std::unique_ptr<Observer> observer_;
};

}  // namespace coordhub::git
