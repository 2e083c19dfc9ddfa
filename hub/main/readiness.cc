#include "hub/main/readiness.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <string_view>

#include "absl/strings/numbers.h"
#include "agent/base/clock.h"
#include "agent/base/error.h"

namespace coordhub::hub {
namespace {

// The report as bytes: the exit code in decimal, a newline, the text, a zero byte.
constexpr char kEnd = '\0';

absl::StatusOr<ReadinessReport> Parse(std::string_view bytes) {
  const size_t line_end = bytes.find('\n');
  int code = 0;
  if (line_end == std::string_view::npos ||
      !absl::SimpleAtoi(std::string(bytes.substr(0, line_end)), &code)) {
    return base::MakeError(v1::ERROR_REASON_IO_FAILED, "the hub's report is malformed",
                           {{"operation", "start"}});
  }
  return ReadinessReport{static_cast<ExitCode>(code), std::string(bytes.substr(line_end + 1))};
}

}  // namespace

void ReadinessWriter::Report(const ReadinessReport& report) {
  if (!fd_.valid()) return;
  const std::string bytes = std::to_string(report.exit_code) + "\n" + report.text + kEnd;
  std::string_view rest = bytes;
  while (!rest.empty()) {
    const ssize_t written = write(fd_.get(), rest.data(), rest.size());
    if (written < 0 && errno != EINTR) break;  // `start` gave up; the hub goes on
    if (written > 0) rest.remove_prefix(static_cast<size_t>(written));
  }
  fd_.Reset();
}

absl::StatusOr<ReadinessReport> ReadReadiness(int fd, absl::Duration timeout) {
  const base::SystemClock clock;
  const base::MonoTime deadline = clock.Mono() + timeout;
  std::string bytes;
  while (true) {
    // Rounded up, so that the last wait does not become a busy one.
    const int64_t left_ms =
        absl::ToInt64Milliseconds(deadline - clock.Mono() + absl::Microseconds(999));
    pollfd entry{.fd = fd, .events = POLLIN};
    const int ready = poll(&entry, 1, static_cast<int>(std::clamp<int64_t>(left_ms, 0, 1'000'000)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0) {
      return base::MakeError(v1::ERROR_REASON_DEADLINE_PASSED,
                             "the hub is not ready after " + absl::FormatDuration(timeout));
    }
    char buffer[4096];
    const ssize_t got = read(fd, buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      return base::MakeError(v1::ERROR_REASON_IO_FAILED, "the hub ended before it was ready",
                             {{"operation", "start"}});
    }
    bytes.append(buffer, static_cast<size_t>(got));
    if (bytes.back() == kEnd) return Parse(std::string_view(bytes).substr(0, bytes.size() - 1));
  }
}

}  // namespace coordhub::hub
