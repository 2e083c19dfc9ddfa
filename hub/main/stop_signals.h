// What asks a serving hub to stop.

#pragma once

#include <optional>
#include <string>

#include "absl/time/time.h"
#include "agent/base/unique_fd.h"

namespace coordhub::hub {

// SIGTERM, SIGINT and SIGHUP as one request to stop. From construction on they are blocked in this
// thread and those that it makes; construct it before any other thread exists. Whoever ignored one
// of them (nohup, a shell's background job) goes on ignoring it. After Wait returned nobody looks
// any more, so that a second signal cannot cut a drain short; SIGQUIT and SIGKILL still do.
class StopSignals {
 public:
  StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // Asks for the stop from within. Any thread; never blocks.
  void Request();

  // Blocks until somebody asks; returns what it was, as "SIGTERM" or "DrainHub"; nullopt: nobody
  // did within `timeout`. One thread.
  std::optional<std::string> WaitFor(absl::Duration timeout);
  // The same, for as long as it takes.
  std::string Wait() { return *WaitFor(absl::InfiniteDuration()); }

 private:
  base::UniqueFd signals_;   // a signalfd
  base::UniqueFd requests_;  // an eventfd
};

}  // namespace coordhub::hub
