#include "agent/client/backoff.h"

#include <gtest/gtest.h>

namespace coordhub::agent {
namespace {

TEST(Backoff, GrowsToItsMaximumAndBeginsAnewAfterReset) {
  base::SequenceIdSource ids(1);
  Backoff backoff({.initial = absl::Milliseconds(10),
                   .max = absl::Milliseconds(50),
                   .multiplier = 2,
                   .jitter = 0},
                  &ids);
  for (const int want : {10, 20, 40, 50, 50}) {
    EXPECT_EQ(backoff.Next(), absl::Milliseconds(want));
  }
  backoff.Reset();
  EXPECT_EQ(backoff.Next(), absl::Milliseconds(10));
}

TEST(Backoff, JitterShortensByAtMostItsShareAndDiffers) {
  base::SequenceIdSource ids(7);
  const BackoffPolicy policy = {
      .initial = absl::Seconds(1), .max = absl::Seconds(1), .multiplier = 2, .jitter = 0.5};
  Backoff backoff(policy, &ids);
  absl::Duration least = absl::InfiniteDuration();
  absl::Duration most = absl::ZeroDuration();
  for (int i = 0; i < 1000; ++i) {
    const absl::Duration delay = backoff.Next();
    least = std::min(least, delay);
    most = std::max(most, delay);
  }
  EXPECT_GT(least, absl::Milliseconds(499));
  EXPECT_LT(least, absl::Milliseconds(550));
  EXPECT_LE(most, absl::Seconds(1));
  EXPECT_GT(most, absl::Milliseconds(950));
}

TEST(Backoff, StaysAtItsMaximumForEver) {
  base::SequenceIdSource ids(1);
  Backoff backoff({.jitter = 0}, &ids);
  for (int i = 0; i < 5000; ++i) (void)backoff.Next();
  EXPECT_EQ(backoff.Next(), absl::Seconds(1));
}

}  // namespace
}  // namespace coordhub::agent
