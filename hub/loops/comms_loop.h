// Communication Daemon: keeps shared_state/ and takes in what scripts write there.

#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "hub/core/records.h"
#include "hub/engine/broadcaster.h"
#include "hub/loops/directory_bell.h"
#include "hub/loops/event_bell.h"
#include "hub/loops/loop.h"
#include "hub/loops/loop_log.h"
#include "hub/mirror/mirror.h"

namespace coordhub::loops {

struct CommsOptions {
  // communication_daemon.log; empty: none.
  std::string log_path;
  absl::TimeZone zone = absl::UTCTimeZone();
  std::function<std::shared_ptr<const core::View>()> view;
  // Not owned.
  engine::Broadcaster* broadcaster = nullptr;
  base::Clock* clock = nullptr;
  // Null: shared_state/ is not written.
  std::unique_ptr<mirror::Mirror> mirror;
};

// Steps the mirror whenever there is news and it may write, and in each step, which also writes
//
//   [2025-07-29 12:00:00] Processing 2 new tickets
//   [2025-07-29 12:00:00] Updating shared status
//
// the first line if tickets were made since the last step (or the hub's start), the second if there
// is a shared_state/. Fails while the mirror has a problem, which tries again at its own pace, and
// when the log cannot be written.
class CommsLoop final : public Loop {
 public:
  explicit CommsLoop(CommsOptions options);

  void Begin(Waker waker) override;
  Outcome Step(Cause cause) override;
  void Finish() override;

  // What is wrong with shared_state/; empty: nothing. Any thread.
  std::string MirrorProblem() const;

 private:
  absl::Status WriteLog(absl::Time now);

  CommsOptions options_;
  LoopLog log_;
  std::unique_ptr<EventBell> events_;
  std::unique_ptr<DirectoryBell> files_;
  std::atomic<bool> files_rang_{false};
  // The newest ticket that the log has told of.
  int64_t told_ticket_;
};

}  // namespace coordhub::loops
