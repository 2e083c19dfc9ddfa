#include "hub/mirror/mirror_runner.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/base/mutex.h"
#include "tests/agent/base/temp_dir.h"
#include "tests/mirror/view_builder.h"

namespace coordhub::mirror {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(30);

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

 private:
  void WakeIfBehind() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (listener_ != nullptr && armed_ && published_ > cursor_) listener_->OnEvents();
  }

  mutable base::Mutex mu_;
  engine::EventListener* listener_ ABSL_GUARDED_BY(mu_) = nullptr;
  int64_t published_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t cursor_ ABSL_GUARDED_BY(mu_) = 0;
  bool armed_ ABSL_GUARDED_BY(mu_) = false;
};

class MirrorRunnerTest : public ::testing::Test {
 protected:
  void Start() {
    MirrorOptions options;
    options.directory = temp_.path() + "/shared_state";
    options.view = [this] { return ViewBuilder().Revision(revision_.load()).Build(); };
    options.decorate_agent = [](const core::View&, v1::Agent*) {};
    options.current_branch = [] { return std::string("main"); };
    options.ids = &ids_;
    options.submit = [](std::unique_ptr<core::Command>, const engine::Done& done) {
      done(absl::UnavailableError("nothing is to be imported here"));
    };
    options.on_mirrored = [this](int64_t revision) {
      base::MutexLock lock(&mu_);
      mirrored_ = revision;
      ++rounds_;
      changed_.SignalAll();
    };
    runner_ = std::make_unique<MirrorRunner>(std::make_unique<Mirror>(std::move(options), &clock_),
                                             &broadcaster_, &clock_);
  }

  // The view is there before the event is published, as in the engine.
  void Commit(int64_t revision) {
    revision_ = revision;
    broadcaster_.Publish(revision);
  }

  bool WaitUntilMirrored(int64_t revision) {
    base::MutexLock lock(&mu_);
    while (mirrored_ < revision) {
      if (changed_.WaitWithTimeout(&mu_, kPatience)) return false;
    }
    return true;
  }

  int rounds() {
    base::MutexLock lock(&mu_);
    return rounds_;
  }

  base::TempDir temp_;
  base::SystemClock clock_;
  base::SystemIdSource ids_;
  std::atomic<int64_t> revision_{0};
  FakeBroadcaster broadcaster_;
  base::Mutex mu_;
  base::CondVar changed_;
  int64_t mirrored_ ABSL_GUARDED_BY(mu_) = -1;
  int rounds_ ABSL_GUARDED_BY(mu_) = 0;
  std::unique_ptr<MirrorRunner> runner_;
};

TEST_F(MirrorRunnerTest, FollowsTheBroadcaster) {
  Start();
  ASSERT_TRUE(WaitUntilMirrored(0));
  Commit(1);
  ASSERT_TRUE(WaitUntilMirrored(1));
  Commit(2);
  ASSERT_TRUE(WaitUntilMirrored(2));
}

TEST_F(MirrorRunnerTest, CoalescesABurst) {
  Start();
  ASSERT_TRUE(WaitUntilMirrored(0));
  for (int64_t revision = 1; revision <= 10'000; ++revision) Commit(revision);
  ASSERT_TRUE(WaitUntilMirrored(10'000));
  EXPECT_LT(rounds(), 100);
}

TEST_F(MirrorRunnerTest, TheLastRoundShowsEverything) {
  Start();
  ASSERT_TRUE(WaitUntilMirrored(0));
  Commit(1);
  Commit(2);
  runner_->Stop();
  EXPECT_TRUE(WaitUntilMirrored(2));
  EXPECT_EQ(broadcaster_.listener_count(), 0u);
  runner_->Stop();  // again
}

}  // namespace
}  // namespace coordhub::mirror
