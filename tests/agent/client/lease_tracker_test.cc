#include "agent/client/lease_tracker.h"

#include <gtest/gtest.h>

#include <set>

namespace coordhub::agent {
namespace {

constexpr absl::Duration kTtl = absl::Seconds(60);
constexpr absl::Duration kTick = absl::Nanoseconds(1);
constexpr base::MonoTime kStart = {1'000'000'000};

TEST(LeaseTracker, IsSafeForExactlyOneTtlAfterTheRegistrationWasSent) {
  const LeaseTracker lease(kTtl, kStart);
  EXPECT_TRUE(lease.Safe(kStart));
  EXPECT_TRUE(lease.Safe(kStart + kTtl - kTick));
  EXPECT_FALSE(lease.Safe(kStart + kTtl));
}

TEST(LeaseTracker, AnAnswerCountsFromTheSendingNotFromItsArrival) {
  LeaseTracker lease(kTtl, kStart);
  lease.Sent(1, kStart + absl::Seconds(20));
  lease.Answered(1, kTtl);  // whenever that was
  EXPECT_EQ(lease.SafeUntil(), kStart + absl::Seconds(80));
}

TEST(LeaseTracker, SendingAloneProvesNothing) {
  LeaseTracker lease(kTtl, kStart);
  lease.Sent(1, kStart + absl::Seconds(20));
  lease.Sent(2, kStart + absl::Seconds(40));
  EXPECT_FALSE(lease.Safe(kStart + kTtl));
}

TEST(LeaseTracker, WhatTheHubSaysUnaskedOrTwiceProvesNothing) {
  LeaseTracker lease(kTtl, kStart);
  lease.Sent(1, kStart + absl::Seconds(20));
  lease.Answered(0, kTtl);
  lease.Answered(7, kTtl);
  EXPECT_EQ(lease.SafeUntil(), kStart + kTtl);
}

TEST(LeaseTracker, AnAnswerCoversWhatWasSentBefore) {
  LeaseTracker lease(kTtl, kStart);
  lease.Sent(1, kStart + absl::Seconds(20));
  lease.Sent(2, kStart + absl::Seconds(40));
  lease.Answered(2, kTtl);
  EXPECT_EQ(lease.AnswerDue(), base::MonoTime::InfiniteFuture());
  lease.Answered(1, kTtl);  // late, and older
  EXPECT_EQ(lease.SafeUntil(), kStart + absl::Seconds(100));
}

TEST(LeaseTracker, SendsThreeTimesPerTtl) {
  LeaseTracker lease(kTtl, kStart);
  EXPECT_LE(lease.NextSend(), kStart);  // at once
  lease.Sent(1, kStart);
  EXPECT_LE(lease.NextSend(), kStart + absl::Seconds(20));
  EXPECT_GE(lease.NextSend(), kStart + absl::Seconds(20) * 31 / 32);
}

TEST(LeaseTracker, AgentsOfAMachineSendOnSharedTicks) {
  std::set<int64_t> times;
  for (int agent = 0; agent < 1'000; ++agent) {
    LeaseTracker lease(kTtl, kStart);
    lease.Sent(1, kStart + agent * absl::Milliseconds(20));
    times.insert(lease.NextSend().ns);
  }
  EXPECT_LE(times.size(), 41U);  // a thousand beats in 20 s
  EXPECT_GE(times.size(), 32U);  // and not all at once
}

// Whoever sends a little after its tick, as threads do, is not earlier from beat to beat.
TEST(LeaseTracker, SharedTicksDoNotQuickenTheBeat) {
  LeaseTracker lease(kTtl, kStart);
  base::MonoTime now = kStart;
  for (int beat = 1; beat <= 100; ++beat) {
    lease.Sent(beat, now);
    now = lease.NextSend() + absl::Milliseconds(3);
  }
  EXPECT_GE(now - kStart, absl::Seconds(100 * 20) * 31 / 32);
  EXPECT_LE(now - kStart, absl::Seconds(100 * 20));
}

TEST(LeaseTracker, AfterTheFirstMessageOfAStreamTheNextMayFollowSooner) {
  LeaseTracker lease(kTtl, kStart);
  lease.Sent(1, kStart);
  lease.SendNextAfter(0.25);
  EXPECT_LE(lease.NextSend(), kStart + absl::Seconds(5));
  EXPECT_GT(lease.NextSend(), kStart + absl::Seconds(4));
  const base::MonoTime second = lease.NextSend();
  lease.Sent(2, second);
  EXPECT_GT(lease.NextSend(), second + absl::Seconds(19)) << "only once";
}

TEST(LeaseTracker, ATtlTooShortForTicksHasNone) {
  LeaseTracker lease(absl::Milliseconds(30), kStart);
  lease.Sent(1, kStart + kTick);
  EXPECT_EQ(lease.NextSend(), kStart + kTick + absl::Milliseconds(10));
}

TEST(LeaseTracker, AStreamIsDeadAThirdOfTheTtlAfterItsOldestUnansweredMessage) {
  LeaseTracker lease(kTtl, kStart);
  EXPECT_EQ(lease.AnswerDue(), base::MonoTime::InfiniteFuture());
  lease.Sent(1, kStart);
  lease.Sent(2, kStart + absl::Seconds(10));
  EXPECT_EQ(lease.AnswerDue(), kStart + absl::Seconds(20));
  lease.Answered(1, kTtl);
  EXPECT_EQ(lease.AnswerDue(), kStart + absl::Seconds(30));
}

TEST(LeaseTracker, WhatABrokenStreamCarriedIsNotAnsweredAnyMore) {
  LeaseTracker lease(kTtl, kStart);
  lease.Sent(1, kStart + absl::Seconds(20));
  lease.Broken();
  EXPECT_EQ(lease.AnswerDue(), base::MonoTime::InfiniteFuture());
  lease.Answered(1, kTtl);
  EXPECT_EQ(lease.SafeUntil(), kStart + kTtl);
}

TEST(LeaseTracker, TakesTheTtlFromTheHub) {
  LeaseTracker lease(kTtl, kStart);
  lease.Sent(1, kStart + absl::Seconds(10));
  lease.Answered(1, absl::Seconds(300));
  EXPECT_EQ(lease.SafeUntil(), kStart + absl::Seconds(310));
  lease.Sent(2, kStart + absl::Seconds(20));
  lease.Answered(2, absl::ZeroDuration());  // not said
  EXPECT_EQ(lease.SafeUntil(), kStart + absl::Seconds(320));
}

}  // namespace
}  // namespace coordhub::agent
