// The comms loop in its thread: shared_state/ follows the log.
#include "hub/loops/comms_loop.h"

#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include "agent/base/clock.h"
#include "agent/base/mutex.h"
#include "hub/loops/loop_runner.h"
#include "tests/agent/base/temp_dir.h"
#include "tests/loops/fake_broadcaster.h"
#include "tests/mirror/view_builder.h"

namespace coordhub::loops {
namespace {

// Of a test that hangs.
constexpr absl::Duration kPatience = absl::Seconds(60);

class CommsLoopTest : public ::testing::Test {
 protected:
  void SetUp() override {
    runner_.Add({"comms", "Communication Daemon", absl::Hours(1), Comms()});
    runner_.Start();
    ASSERT_TRUE(WaitUntilMirrored(0));
  }

  // The view is there before the event is published, as in the engine.
  void Commit(int64_t revision) {
    revision_ = revision;
    broadcaster_.Publish(revision);
  }

  bool WaitUntilMirrored(int64_t revision) {
    const base::MonoTime deadline = clock_.Mono() + kPatience;
    base::MutexLock lock(&mu_);
    while (mirrored_ < revision) {
      const absl::Duration left = deadline - clock_.Mono();
      if (left <= absl::ZeroDuration()) return false;
      changed_.WaitWithTimeout(&mu_, left);
    }
    return true;
  }

  bool WaitUntilImported(int imports) {
    const base::MonoTime deadline = clock_.Mono() + kPatience;
    base::MutexLock lock(&mu_);
    while (imports_ < imports) {
      const absl::Duration left = deadline - clock_.Mono();
      if (left <= absl::ZeroDuration()) return false;
      changed_.WaitWithTimeout(&mu_, left);
    }
    return true;
  }

  int64_t mirrored() {
    base::MutexLock lock(&mu_);
    return mirrored_;
  }
  int rounds() {
    base::MutexLock lock(&mu_);
    return rounds_;
  }

  std::unique_ptr<CommsLoop> Comms() {
    const auto view = [this] { return mirror::ViewBuilder().Revision(revision_.load()).Build(); };
    mirror::MirrorOptions mirror;
    mirror.directory = temp_.path() + "/shared_state";
    mirror.view = view;
    mirror.decorate_agent = [](const core::View&, v1::Agent*) {};
    mirror.current_branch = [] { return std::string("main"); };
    mirror.ids = &ids_;
    // Nothing is imported but that somebody asked for it is remembered.
    mirror.submit = [this](std::unique_ptr<core::Command>, const engine::Done& done) {
      done(absl::UnavailableError("the log is full"));
      base::MutexLock lock(&mu_);
      ++imports_;
      changed_.SignalAll();
    };
    mirror.told_look_interval = absl::Hours(1);
    mirror.on_mirrored = [this](int64_t revision) {
      base::MutexLock lock(&mu_);
      mirrored_ = revision;
      ++rounds_;
      changed_.SignalAll();
    };
    CommsOptions options;
    options.view = view;
    options.broadcaster = &broadcaster_;
    options.clock = &clock_;
    options.mirror = std::make_unique<mirror::Mirror>(std::move(mirror), &clock_);
    return std::make_unique<CommsLoop>(std::move(options));
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
  int imports_ ABSL_GUARDED_BY(mu_) = 0;
  LoopRunner runner_{{.workspace_id = "main", .clock = &clock_}};  // last: it uses all of the above
};

TEST_F(CommsLoopTest, FollowsTheLogBetweenItsSteps) {
  Commit(1);
  ASSERT_TRUE(WaitUntilMirrored(1));
  Commit(2);
  ASSERT_TRUE(WaitUntilMirrored(2));
}

TEST_F(CommsLoopTest, CoalescesABurst) {
  for (int64_t revision = 1; revision <= 10'000; ++revision) Commit(revision);
  ASSERT_TRUE(WaitUntilMirrored(10'000));
  EXPECT_LT(rounds(), 100);
}

TEST_F(CommsLoopTest, WhatOthersWriteIsSeenWithoutLookingAllTheTime) {
  std::ofstream(temp_.path() + "/shared_state/inbox/one") << "- work\n";
  ASSERT_TRUE(WaitUntilImported(1));
}

TEST_F(CommsLoopTest, TheLastRoundShowsEverything) {
  Commit(1);
  Commit(2);
  ASSERT_TRUE(runner_.Stop(kPatience));
  EXPECT_EQ(mirrored(), 2);
  EXPECT_EQ(broadcaster_.listener_count(), 0u);
}

}  // namespace
}  // namespace coordhub::loops
