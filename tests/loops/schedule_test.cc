#include "hub/loops/schedule.h"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "absl/status/status.h"

namespace coordhub::loops {
namespace {

using base::MonoTime;

constexpr absl::Duration kInterval = absl::Seconds(60);
constexpr absl::Duration kRetry = absl::Seconds(1);

class ScheduleTest : public ::testing::Test {
 protected:
  MonoTime At(double seconds) const { return start_ + absl::Seconds(seconds); }
  // Work that begins and ends at once.
  std::optional<Cause> WorkAt(double seconds, const Outcome& outcome = {}) {
    const std::optional<Cause> cause = schedule_.Begin(At(seconds));
    if (cause.has_value()) schedule_.End(outcome, At(seconds));
    return cause;
  }
  static Outcome Failed() { return {.status = absl::InternalError("no")}; }
  double NextWork() const { return absl::ToDoubleSeconds(schedule_.NextWork() - start_); }

  const MonoTime start_{1'000'000'000'000};
  Schedule schedule_{kInterval, kRetry, start_};
};

TEST_F(ScheduleTest, StepsAtOnceAndThenAtItsInterval) {
  EXPECT_EQ(WorkAt(0), Cause::kTimer);
  EXPECT_EQ(WorkAt(0), std::nullopt);
  EXPECT_EQ(WorkAt(59.999), std::nullopt);
  EXPECT_EQ(NextWork(), 60);
  EXPECT_EQ(WorkAt(60), Cause::kTimer);
  EXPECT_EQ(NextWork(), 120);
}

TEST_F(ScheduleTest, NeitherLateStepsNorLongOnesMoveTheGrid) {
  EXPECT_EQ(WorkAt(0), Cause::kTimer);
  EXPECT_EQ(schedule_.Begin(At(63)), Cause::kTimer);
  EXPECT_EQ(schedule_.End({}, At(70)), absl::Seconds(7));
  EXPECT_EQ(NextWork(), 120);
}

TEST_F(ScheduleTest, WhatWasMissedIsMadeUpForOnce) {
  EXPECT_EQ(WorkAt(0), Cause::kTimer);
  EXPECT_EQ(WorkAt(250), Cause::kTimer);
  EXPECT_EQ(WorkAt(250), std::nullopt);
  EXPECT_EQ(NextWork(), 300);
}

TEST_F(ScheduleTest, AWakeUpIsNoStepAndCoalescesWhatComesMeanwhile) {
  WorkAt(0);
  schedule_.Wake(At(10.2));
  schedule_.Wake(At(10.3));
  EXPECT_EQ(NextWork(), 10.2);
  EXPECT_EQ(WorkAt(10.1), std::nullopt);
  EXPECT_EQ(WorkAt(10.2), Cause::kWakeUp);
  EXPECT_EQ(NextWork(), 60);
}

TEST_F(ScheduleTest, NewsDuringWorkCausesMore) {
  ASSERT_EQ(schedule_.Begin(At(0)), Cause::kTimer);
  schedule_.Wake(At(1));
  schedule_.End({}, At(2));
  EXPECT_EQ(WorkAt(2), Cause::kWakeUp);
}

TEST_F(ScheduleTest, TheLoopSaysWhenNewsMayComeAndWhenItHasMoreToDo) {
  WorkAt(0, {.next = At(5), .earliest = At(3)});
  EXPECT_EQ(NextWork(), 5);
  schedule_.Wake(At(1));
  EXPECT_EQ(NextWork(), 3);
  EXPECT_EQ(WorkAt(3), Cause::kWakeUp);
  EXPECT_EQ(NextWork(), 60);
}

TEST_F(ScheduleTest, AFailureIsTriedAgainWithBackoffBoundedByTheInterval) {
  std::vector<double> times;
  double now = 0;
  for (int i = 0; i < 10; ++i) {
    times.push_back(now);
    ASSERT_EQ(WorkAt(now, Failed()), Cause::kTimer) << now;
    EXPECT_EQ(schedule_.StateAt(At(now)), v1::Loop::STATE_FAILED);
    now = NextWork();
  }
  // 1 s, 2, 4, 8, 16, 32, but not past the grid; from the seventh on the interval itself.
  EXPECT_EQ(times, (std::vector<double>{0, 1, 3, 7, 15, 31, 60, 120, 180, 240}));
  EXPECT_EQ(schedule_.failures(), 10);
  EXPECT_EQ(WorkAt(300), Cause::kTimer);
  EXPECT_EQ(schedule_.StateAt(At(300)), v1::Loop::STATE_RUNNING);
  EXPECT_EQ(schedule_.failures(), 0);
  EXPECT_EQ(NextWork(), 360);
}

TEST_F(ScheduleTest, AShortIntervalBoundsTheFirstRetryToo) {
  schedule_ = Schedule(absl::Milliseconds(100), kRetry, start_);
  WorkAt(0, Failed());
  EXPECT_EQ(schedule_.NextWork() - start_, absl::Milliseconds(100));
}

TEST_F(ScheduleTest, NewsDoesNotHurryAFailedLoop) {
  WorkAt(0, Failed());
  schedule_.Wake(At(0.1));
  EXPECT_EQ(NextWork(), 1);
  EXPECT_EQ(WorkAt(1), Cause::kTimer);  // not a mere wake-up: what failed may have been a step
}

TEST_F(ScheduleTest, ALoopThatKnowsWhenToTryAgainIsHeard) {
  WorkAt(0, {.status = absl::InternalError("no"), .next = At(0.5), .earliest = At(0.2)});
  EXPECT_EQ(NextWork(), 0.5);
  schedule_.Wake(At(0.1));
  EXPECT_EQ(NextWork(), 0.2);
}

TEST_F(ScheduleTest, APausedLoopDoesOnlyWhatIsAskedFor) {
  WorkAt(0);
  schedule_.Pause();
  EXPECT_EQ(schedule_.StateAt(At(1)), v1::Loop::STATE_PAUSED);
  schedule_.Wake(At(1));
  EXPECT_EQ(WorkAt(1000), std::nullopt);
  schedule_.Request();
  EXPECT_EQ(WorkAt(1000), Cause::kRequest);
  EXPECT_EQ(WorkAt(2000), std::nullopt);
  EXPECT_EQ(schedule_.NextStep(), MonoTime::InfiniteFuture());
  schedule_.Resume(At(2000));
  EXPECT_EQ(WorkAt(2000), Cause::kTimer);
  EXPECT_EQ(NextWork(), 2060);
  schedule_.Resume(At(2010));  // of one that is not paused
  EXPECT_EQ(NextWork(), 2060);
}

TEST_F(ScheduleTest, ARequestLeavesTheGridAsItIs) {
  WorkAt(0);
  schedule_.Request();
  EXPECT_EQ(WorkAt(30), Cause::kRequest);
  EXPECT_EQ(NextWork(), 60);
  schedule_.Request();
  EXPECT_EQ(WorkAt(61), Cause::kRequest);  // stands for the timer's step as well
  EXPECT_EQ(NextWork(), 120);
}

TEST_F(ScheduleTest, WorkThatTakesAnIntervalMakesTheLoopStalled) {
  ASSERT_EQ(schedule_.Begin(At(0)), Cause::kTimer);
  EXPECT_EQ(schedule_.StallsAt(), At(60));
  EXPECT_EQ(schedule_.StateAt(At(59.999)), v1::Loop::STATE_RUNNING);
  EXPECT_EQ(schedule_.StateAt(At(60)), v1::Loop::STATE_STALLED);
  schedule_.Pause();
  EXPECT_EQ(schedule_.StateAt(At(61)), v1::Loop::STATE_STALLED);  // that is worse
  EXPECT_EQ(schedule_.NextWork(), MonoTime::InfiniteFuture());
  schedule_.Resume(At(61));
  schedule_.End({}, At(130));
  EXPECT_EQ(schedule_.StateAt(At(130)), v1::Loop::STATE_RUNNING);
  EXPECT_EQ(WorkAt(130), Cause::kTimer);
  EXPECT_EQ(NextWork(), 181);  // the grid of the resumption
}

TEST_F(ScheduleTest, AWakeUpThatHangsIsNoticedAsWell) {
  WorkAt(0);
  schedule_.Wake(At(10));
  ASSERT_EQ(schedule_.Begin(At(10)), Cause::kWakeUp);
  EXPECT_EQ(schedule_.StateAt(At(70)), v1::Loop::STATE_STALLED);
}

}  // namespace
}  // namespace coordhub::loops
