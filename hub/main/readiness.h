// How a serving process tells the `start` that made it how it went.

#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/base/unique_fd.h"
#include "hub/main/exit_code.h"

namespace coordhub::hub {

// What the serving process says, once: that it is ready, or why it is not.
struct ReadinessReport {
  ExitCode exit_code = kOk;
  // For people: the ready lines, or the error.
  std::string text;
};

// The serving process's end of the pipe. Default-constructed: nobody asks, and Report does nothing.
class ReadinessWriter {
 public:
  ReadinessWriter() = default;
  explicit ReadinessWriter(int fd) : fd_(fd) {}

  void Report(const ReadinessReport& report);

 private:
  base::UniqueFd fd_;
};

// Reads the report from the other end. Blocks until it is whole, the process has gone without one,
// or `timeout` is over. Errors: DEADLINE_PASSED; IO_FAILED (the process ended without a word).
absl::StatusOr<ReadinessReport> ReadReadiness(int fd, absl::Duration timeout);

}  // namespace coordhub::hub
