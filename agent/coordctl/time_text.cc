#include "agent/coordctl/time_text.h"

#include <algorithm>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "agent/base/error.h"

namespace coordhub::coordctl {

absl::StatusOr<absl::Duration> ParseDuration(const std::string& text, std::string_view option) {
  absl::Duration span;
  double seconds = 0;
  const bool bare = !text.empty() && text.find_first_not_of("0123456789.") == std::string::npos;
  const bool parsed = bare ? absl::SimpleAtod(text, &seconds) : absl::ParseDuration(text, &span);
  if (bare && parsed) span = absl::Seconds(seconds);
  if (parsed && span >= absl::ZeroDuration() && span < absl::InfiniteDuration()) return span;
  return base::MakeFieldError(option,
                              "\"" + text + "\" is no span of time; write it as 90s, 5m or 1h30m");
}

absl::StatusOr<absl::Time> ParseTime(const std::string& text, absl::Time now,
                                     std::string_view option) {
  absl::Time time;
  std::string why;
  if (absl::ParseTime(absl::RFC3339_full, text, &time, &why)) return time;
  const absl::StatusOr<absl::Duration> span = ParseDuration(text, option);
  if (span.ok()) return now + *span;
  return base::MakeFieldError(option, "\"" + text +
                                          "\" is neither a time (2025-08-01T12:00:00Z) nor a span "
                                          "from now (2h)");
}

std::string ShowSpan(absl::Duration span) {
  struct Unit {
    absl::Duration size;
    const char* name;
  };
  static constexpr int kShown = 2;
  const std::vector<Unit> units = {{absl::Hours(24), "d"},
                                   {absl::Hours(1), "h"},
                                   {absl::Minutes(1), "m"},
                                   {absl::Seconds(1), "s"}};
  span = std::max(span, absl::ZeroDuration());
  std::string out;
  int shown = 0;
  for (const Unit& unit : units) {
    const int64_t count = absl::IDivDuration(span, unit.size, &span);
    if (count > 0 && shown < kShown) absl::StrAppend(&out, count, unit.name);
    if (!out.empty()) ++shown;
  }
  return out.empty() ? "0s" : out;
}

std::string ShowAge(absl::Time then, absl::Time now) {
  const absl::Duration age = now - then;
  return age < absl::Seconds(1) ? "now" : ShowSpan(age);
}

std::string ShowTime(absl::Time time, absl::TimeZone zone) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", time, zone);
}

}  // namespace coordhub::coordctl
