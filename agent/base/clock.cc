#include "agent/base/clock.h"

#include <ctime>

#include "absl/time/time.h"

namespace coordhub::base {

MonoTime operator+(MonoTime t, absl::Duration d) {
  if (t == MonoTime::InfiniteFuture() || t == MonoTime::InfinitePast()) return t;
  // absl::Duration itself saturates, and so does its conversion.
  return {absl::ToInt64Nanoseconds(absl::Nanoseconds(t.ns) + d)};
}

absl::Duration operator-(MonoTime a, MonoTime b) {
  if (a == b) return absl::ZeroDuration();
  const auto infinite = [](MonoTime t) {
    return t == MonoTime::InfiniteFuture() || t == MonoTime::InfinitePast();
  };
  if (infinite(a) || infinite(b)) {
    return a > b ? absl::InfiniteDuration() : -absl::InfiniteDuration();
  }
  return absl::Nanoseconds(a.ns) - absl::Nanoseconds(b.ns);
}

MonoTime SystemClock::Mono() const {
  timespec ts{};
  clock_gettime(CLOCK_MONOTONIC, &ts);  // cannot fail: the clock exists and the pointer is good
  return {int64_t{ts.tv_sec} * 1'000'000'000 + ts.tv_nsec};
}

// Not absl::Now(), which reckons from a time that it asked for before: for two seconds it may not
// notice that the clock was set.
absl::Time SystemClock::Wall() const {
  timespec ts{};
  clock_gettime(CLOCK_REALTIME, &ts);
  return absl::TimeFromTimespec(ts);
}

}  // namespace coordhub::base
