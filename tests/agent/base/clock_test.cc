#include "agent/base/clock.h"

#include <gtest/gtest.h>

#include "agent/base/manual_clock.h"

namespace coordhub::base {
namespace {

TEST(MonoTime, AddsAndSubtractsDurations) {
  const MonoTime t{1'000'000'000};
  EXPECT_EQ(t + absl::Milliseconds(5), MonoTime{1'005'000'000});
  EXPECT_EQ(t - absl::Milliseconds(5), MonoTime{995'000'000});
  EXPECT_EQ((t + absl::Seconds(3)) - t, absl::Seconds(3));
  EXPECT_EQ(t - (t + absl::Nanoseconds(1)), -absl::Nanoseconds(1));
  MonoTime moved = t;
  moved += absl::Nanoseconds(1);
  EXPECT_EQ(moved.ns, 1'000'000'001);
}

TEST(MonoTime, Orders) {
  EXPECT_LT(MonoTime{1}, MonoTime{2});
  EXPECT_LT(MonoTime::InfinitePast(), MonoTime{-5});
  EXPECT_LT(MonoTime{5}, MonoTime::InfiniteFuture());
}

TEST(MonoTime, SaturatesInsteadOfOverflowing) {
  const MonoTime t{1'000'000'000};
  EXPECT_EQ(t + absl::InfiniteDuration(), MonoTime::InfiniteFuture());
  EXPECT_EQ(t - absl::InfiniteDuration(), MonoTime::InfinitePast());
  EXPECT_EQ(t + absl::Hours(24 * 365 * 1000), MonoTime::InfiniteFuture());
  EXPECT_EQ(MonoTime::InfiniteFuture() - absl::Hours(1), MonoTime::InfiniteFuture());
  EXPECT_EQ(MonoTime::InfinitePast() + absl::Hours(1), MonoTime::InfinitePast());
  EXPECT_EQ(MonoTime::InfiniteFuture() - t, absl::InfiniteDuration());
  EXPECT_EQ(t - MonoTime::InfiniteFuture(), -absl::InfiniteDuration());
  EXPECT_EQ(MonoTime::InfinitePast() - t, -absl::InfiniteDuration());
  EXPECT_EQ(MonoTime::InfiniteFuture() - MonoTime::InfiniteFuture(), absl::ZeroDuration());
}

TEST(SystemClock, NeverRunsBackwardsAndTellsThePresent) {
  const SystemClock clock;
  MonoTime last = clock.Mono();
  for (int i = 0; i < 1000; ++i) {
    const MonoTime now = clock.Mono();
    ASSERT_GE(now, last);
    last = now;
  }
  EXPECT_GT(clock.Wall(), absl::FromCivil(absl::CivilDay(2024, 1, 1), absl::UTCTimeZone()));
  EXPECT_GE(clock.Now().mono, last);
}

TEST(ManualClock, MovesOnlyWhenTold) {
  ManualClock clock;
  const Now start = clock.Now();
  EXPECT_EQ(clock.Mono(), start.mono);
  clock.Advance(absl::Seconds(90));
  EXPECT_EQ(clock.Mono() - start.mono, absl::Seconds(90));
  EXPECT_EQ(clock.Wall() - start.wall, absl::Seconds(90));
}

TEST(ManualClock, SettingTheWallClockLeavesMonotonicTime) {
  ManualClock clock;
  const MonoTime before = clock.Mono();
  clock.SetWall(absl::UnixEpoch());
  EXPECT_EQ(clock.Wall(), absl::UnixEpoch());
  EXPECT_EQ(clock.Mono(), before);
}

}  // namespace
}  // namespace coordhub::base
