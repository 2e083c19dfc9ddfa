// Conversation Coordinator: brings what happens to branches into the log.

#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "hub/core/records.h"
#include "hub/engine/broadcaster.h"
#include "hub/git/observer.h"
#include "hub/loops/bell.h"
#include "hub/loops/event_bell.h"
#include "hub/loops/gate_watch.h"
#include "hub/loops/loop.h"
#include "hub/loops/loop_log.h"

namespace coordhub::loops {

struct CoordinatorOptions {
  // conversation_coordinator.log; empty: none.
  std::string log_path;
  absl::TimeZone zone = absl::UTCTimeZone();
  // shared_state/; empty: it is not looked at.
  std::string shared_state;
  std::function<std::shared_ptr<const core::View>()> view;
  // Not owned.
  git::Observer* observer = nullptr;
  base::Clock* clock = nullptr;
  // Rung when git changed. Not owned.
  Bell* git_changed = nullptr;
  // An agent that registers a branch is news as well, and so is another round. Not owned.
  engine::Broadcaster* broadcaster = nullptr;
  // Brings an observation into the log, if it says anything new; blocks until that is durable.
  std::function<absl::Status(const git::ObservationPtr& observation)> record;
  // Compares the branches of an observation that was recorded with each other, for a bounded time;
  // true: there is more to compare, so it is called again at once, with a newer observation. Null:
  // they are not compared.
  std::function<absl::StatusOr<bool>(const git::ObservationPtr& observation)> compare;
  // Marks tickets whose work reached the target by other ways than a round; else as `compare`.
  std::function<absl::StatusOr<bool>(const git::ObservationPtr& observation)> mark_landed;
  // Some member of a round was lost for as long as its round waits. Null: nobody cares.
  std::function<absl::Status()> drop_lost_members;
  // Begins a run of a gate whose target moved; does not wait for it. Null: gates watch nothing.
  GateWatch::BeginRun begin_gate;
};

// Observes git when it changed, when the branches that are wanted, the rounds or the gates did, and
// in each step, brings it into the log, begins the gates whose targets moved, and compares what it
// saw. Each step also writes
//
//   [2025-07-29 12:00:00] Conversation Coordinator Check
//     - Active tickets: 7
//     - Active conversation branches: 3
//     - Convergence coordination: ACTIVE
//
// the first item where tickets.md exists, the last while convergence.md does. Work fails when git
// cannot be observed or compared, what was found not be recorded, or the log not be written.
class CoordinatorLoop final : public Loop {
 public:
  explicit CoordinatorLoop(CoordinatorOptions options);

  void Begin(Waker waker) override;
  Outcome Step(Cause cause) override;
  void Finish() override;

 private:
  // Whether git is to be observed because of `cause`, or of what came since the last look.
  bool HasNews(Cause cause, const core::View& view);
  absl::Status Work(Cause cause, const core::View& view);
  // When the next lost member is to be dropped, once those are whose time has come.
  absl::StatusOr<base::MonoTime> DropLostMembers();
  absl::Status WriteLog(absl::Time now, const core::View& view, const git::Observation& seen);

  const CoordinatorOptions options_;
  LoopLog log_;
  std::unique_ptr<EventBell> events_;
  // Since the last look.
  std::atomic<bool> git_changed_{false};
  std::set<std::string> wanted_branches_;
  std::set<int64_t> active_rounds_;
  // The last comparison, or the last look at what landed, was cut short.
  bool more_to_compare_ = false;
  GateWatch gates_;
};

}  // namespace coordhub::loops
