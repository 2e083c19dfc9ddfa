// Background Monitor: how the repository and the queue are, for whoever reads along.

#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "hub/core/records.h"
#include "hub/git/observer.h"
#include "hub/loops/loop.h"
#include "hub/loops/loop_log.h"

namespace coordhub::loops {

struct MonitorOptions {
  // background_monitor.log; empty: none.
  std::string log_path;
  absl::TimeZone zone = absl::UTCTimeZone();
  // Of a bare repository, which has no worktree to name.
  std::string common_dir;
  // shared_state/; empty: it is not looked at.
  std::string shared_state;
  std::function<std::shared_ptr<const core::View>()> view;
  // Not owned.
  git::Observer* observer = nullptr;
  base::Clock* clock = nullptr;
};

// Each step writes
//
//   [2025-07-29 12:00:00] System Status Check
//     - Git status: 3 files changed
//     - Working directory: /src/app
//     - Current branch: main
//     - Shared state directory: EXISTS
//     - Tickets pending: 7
//
// of the main worktree; the last two where the directory exists. While git takes its time, of what
// was seen last. A step fails when git cannot be observed or the log not be written, and then
// writes nothing.
class MonitorLoop final : public Loop {
 public:
  explicit MonitorLoop(MonitorOptions options);

  Outcome Step(Cause cause) override;

 private:
  const MonitorOptions options_;
  LoopLog log_;
};

}  // namespace coordhub::loops
