// Spans and points of time as people write and read them.

#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace coordhub::coordctl {

// "90s", "5m", "1h30m", "250ms"; a bare number is seconds. Never negative.
//
// Errors:
//   INVALID_ARGUMENT/INVALID_FIELD  none of these. Metadata: `field` = `option`.
absl::StatusOr<absl::Duration> ParseDuration(const std::string& text, std::string_view option);

// A span from now ("2h"), or a point of time in RFC 3339 ("2025-08-01T12:00:00Z").
//
// Errors: as ParseDuration.
absl::StatusOr<absl::Time> ParseTime(const std::string& text, absl::Time now,
                                     std::string_view option);

// In at most two units: "3d4h", "2m5s", "45s", "0s".
std::string ShowSpan(absl::Duration span);

// How long ago, "now" below a second.
std::string ShowAge(absl::Time then, absl::Time now);

// "2025-07-29 12:00:00" in `zone`.
std::string ShowTime(absl::Time time, absl::TimeZone zone = absl::LocalTimeZone());

}  // namespace coordhub::coordctl
