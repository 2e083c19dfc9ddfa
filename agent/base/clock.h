// Time, and the one place that may ask for it.
//
// Deadlines are points of monotonic time (`MonoTime`), which no setting of the wall clock moves.
// Wall time (`absl::Time`) is for showing and recording; nothing decides by it.

#pragma once

#include <compare>
#include <cstdint>
#include <limits>

#include "absl/time/time.h"

namespace coordhub::base {

// A point of monotonic time. Points of different processes or boots do not compare.
struct MonoTime {
  int64_t ns = 0;  // nanoseconds since an arbitrary origin

  // After every point that a clock gives: "no deadline".
  static constexpr MonoTime InfiniteFuture() { return {std::numeric_limits<int64_t>::max()}; }
  static constexpr MonoTime InfinitePast() { return {std::numeric_limits<int64_t>::min()}; }

  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 misreads the operator.
  friend constexpr auto operator<=>(MonoTime, MonoTime) = default;

  // Arithmetic saturates: a deadline plus an endless duration is InfiniteFuture(), and the infinite
  // points stay where they are.
  friend MonoTime operator+(MonoTime t, absl::Duration d);
  friend MonoTime operator-(MonoTime t, absl::Duration d) { return t + (-d); }
  friend absl::Duration operator-(MonoTime a, MonoTime b);
  MonoTime& operator+=(absl::Duration d) { return *this = *this + d; }
};

// Both times, read together.
struct Now {
  MonoTime mono;
  absl::Time wall;
};

// Tells the time; never sleeps. Waiting is done on a condition by whoever owns a thread, so that a
// test moves time by hand and waits for nothing. All methods are thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;

  virtual MonoTime Mono() const = 0;
  virtual absl::Time Wall() const = 0;
  virtual base::Now Now() const { return {Mono(), Wall()}; }
};

// The machine's: CLOCK_MONOTONIC (stands still while the machine is suspended) and CLOCK_REALTIME.
class SystemClock final : public Clock {
 public:
  MonoTime Mono() const override;
  absl::Time Wall() const override;
};

}  // namespace coordhub::base
