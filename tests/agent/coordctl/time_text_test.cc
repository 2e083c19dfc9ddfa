#include "agent/coordctl/time_text.h"

#include <gtest/gtest.h>

#include "agent/base/error.h"

namespace coordhub::coordctl {
namespace {

TEST(ParseDuration, TakesWhatPeopleWrite) {
  const auto parse = [](const char* text) { return ParseDuration(text, "--wait").value(); };
  EXPECT_EQ(parse("90s"), absl::Seconds(90));
  EXPECT_EQ(parse("1h30m"), absl::Minutes(90));
  EXPECT_EQ(parse("250ms"), absl::Milliseconds(250));
  EXPECT_EQ(parse("30"), absl::Seconds(30));
  EXPECT_EQ(parse("0.5"), absl::Milliseconds(500));
  EXPECT_EQ(parse("0"), absl::ZeroDuration());
}

TEST(ParseDuration, NamesTheOptionInItsError) {
  for (const char* text : {"", "soon", "-5s", "inf", "5 minutes", "."}) {
    const auto parsed = ParseDuration(text, "--wait");
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(base::MetadataOf(parsed.status(), "field"), "--wait");
  }
}

TEST(ParseTime, TakesAPointOrASpan) {
  const absl::Time now = absl::FromUnixSeconds(1'000'000);
  EXPECT_EQ(ParseTime("2h", now, "--x").value(), now + absl::Hours(2));
  EXPECT_EQ(ParseTime("1970-01-02T00:00:00Z", now, "--x").value(), absl::FromUnixSeconds(86400));
  EXPECT_FALSE(ParseTime("tomorrow", now, "--x").ok());
}

TEST(ShowSpan, NamesTheTwoLargestUnits) {
  EXPECT_EQ(ShowSpan(absl::ZeroDuration()), "0s");
  EXPECT_EQ(ShowSpan(absl::Milliseconds(900)), "0s");
  EXPECT_EQ(ShowSpan(absl::Seconds(59)), "59s");
  EXPECT_EQ(ShowSpan(absl::Seconds(125)), "2m5s");
  EXPECT_EQ(ShowSpan(absl::Hours(76) + absl::Minutes(5)), "3d4h");
  EXPECT_EQ(ShowSpan(absl::Hours(24) + absl::Minutes(5)), "1d");  // not "1d5m": hours come between
  EXPECT_EQ(ShowSpan(-absl::Hours(1)), "0s");
}

TEST(ShowAge, IsNowBelowASecond) {
  const absl::Time now = absl::FromUnixSeconds(1'000'000);
  EXPECT_EQ(ShowAge(now, now), "now");
  EXPECT_EQ(ShowAge(now + absl::Seconds(5), now), "now");  // another machine's clock
  EXPECT_EQ(ShowAge(now - absl::Minutes(3), now), "3m");
}

TEST(ShowTime, IsLocalTime) {
  EXPECT_EQ(ShowTime(absl::FromUnixSeconds(1'753'790'400), absl::UTCTimeZone()),
            "2025-07-29 12:00:00");
}

}  // namespace
}  // namespace coordhub::coordctl
