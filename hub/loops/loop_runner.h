// The threads of the loops of one workspace.

#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/base/mutex.h"
#include "coordhub/v1/hub.pb.h"
#include "hub/loops/loop.h"

namespace coordhub::loops {

struct LoopSpec {
  // `monitor`; unique in its runner.
  std::string id;
  // For people: `Background Monitor`.
  std::string title;
  absl::Duration interval;
  std::unique_ptr<Loop> loop;
};

// Told how loops are.
class LoopListener {
 public:
  virtual ~LoopListener() = default;
  // A loop's state, or the failure that made it, is another than when this was last called for it.
  // On the runner's own thread, one call at a time; must not block and must not call Unsubscribe.
  virtual void OnLoop(const v1::Loop& loop) = 0;
};

struct RunnerOptions {
  // For the hub's log.
  std::string workspace_id;
  base::Clock* clock = nullptr;
  // Calls of Step that may wait for one loop; more are refused with OVERLOADED.
  size_t max_requests = 1024;
};

// Runs loops, each in a thread of its own, so that one that hangs or fails is nobody else's
// trouble; one more thread tells the log and the listeners what became of them. Any thread may call
// any method; none but Stop and Unsubscribe blocks.
//
// Lock order: none nests; no lock is held while a loop, a listener or a callback is called.
class LoopRunner {
 public:
  explicit LoopRunner(RunnerOptions options);
  // Stop(InfiniteDuration).
  ~LoopRunner();

  // Before Start, in any order.
  void Add(LoopSpec spec);
  // Each loop steps at once, and then at its interval. Once.
  void Start();

  // In order of id. `health_service` is left to whoever knows it.
  std::vector<v1::Loop> List() const ABSL_LOCKS_EXCLUDED(mu_);
  // How many work on: not PAUSED, not STALLED, not ended.
  int ActiveLoops() const ABSL_LOCKS_EXCLUDED(mu_);

  // Called once, on the loop's thread or the caller's; must not block.
  using Done = std::function<void(const absl::StatusOr<v1::Loop>&)>;
  // Steps a loop, also a paused one, and calls `done` at the end of that step. One that fails is no
  // error here. Errors: LOOP_NOT_FOUND, LOOP_STATE (STALLED), OVERLOADED, HUB_DRAINING.
  void Step(std::string_view loop_id, Done done) ABSL_LOCKS_EXCLUDED(mu_);
  // Both return the loop after it; one that is as asked already stays so. A loop that resumes steps
  // at once. Errors: LOOP_NOT_FOUND, HUB_DRAINING.
  absl::StatusOr<v1::Loop> Pause(std::string_view loop_id) ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<v1::Loop> Resume(std::string_view loop_id) ABSL_LOCKS_EXCLUDED(mu_);

  // From now on `listener` is told, first how each loop is.
  void Subscribe(LoopListener* listener) ABSL_LOCKS_EXCLUDED(mu_);
  // Blocks until no call to the listener is under way.
  void Unsubscribe(LoopListener* listener) ABSL_LOCKS_EXCLUDED(mu_);

  // Ends calls of Step with HUB_DRAINING and refuses new ones; the loops go on. Idempotent.
  void Drain() ABSL_LOCKS_EXCLUDED(mu_);
  // Drain, then lets every loop finish. False: after `timeout` some step still hangs, and its
  // thread goes on whenever that returns; whoever cannot wait for it must keep this runner, the
  // loops and what they use until the process ends. Blocks. May be called again.
  bool Stop(absl::Duration timeout) ABSL_LOCKS_EXCLUDED(mu_);

  // Whoever moves an injected clock by hand says so here; nobody else has to.
  void OnClockMoved() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Entry;
  // What is told of a loop.
  struct Told {
    v1::Loop::State state = v1::Loop::STATE_RUNNING;
    std::string error;
    bool operator==(const Told&) const = default;
  };
  struct Subscriber {
    LoopListener* listener = nullptr;
    bool told = false;  // how each loop is
  };

  void Run(Entry* entry) ABSL_LOCKS_EXCLUDED(mu_);
  // Waits for work and begins it. Nullopt: the runner stops.
  std::optional<Cause> BeginWork(Entry* entry) ABSL_LOCKS_EXCLUDED(mu_);
  void EndWork(Entry* entry, Cause cause, const Outcome& outcome) ABSL_LOCKS_EXCLUDED(mu_);
  void Wake(Entry* entry, absl::Duration delay) ABSL_LOCKS_EXCLUDED(mu_);
  void Finish(Entry* entry) ABSL_LOCKS_EXCLUDED(mu_);

  void Watch() ABSL_LOCKS_EXCLUDED(mu_);
  // Waits for something to tell. False: the watch ends.
  bool WaitForNews() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool HasNews(base::MonoTime now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void TellNews() ABSL_LOCKS_EXCLUDED(mu_);
  void LogChange(const v1::Loop& loop, const Told& before) const;

  absl::StatusOr<Entry*> FindOpen(std::string_view loop_id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Told ToTell(const Entry& entry, base::MonoTime now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  v1::Loop Describe(const Entry& entry, const base::Now& now) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const RunnerOptions options_;
  base::Clock& clock_;

  mutable base::Mutex mu_;
  base::CondVar news_;                           // for the watch
  base::CondVar ended_;                          // a loop or the watch ended, a listener was told
  std::vector<std::unique_ptr<Entry>> entries_;  // fixed from Start on; in order of id
  std::vector<Subscriber> subscribers_ ABSL_GUARDED_BY(mu_);
  // The watch sleeps until then.
  base::MonoTime watch_until_ ABSL_GUARDED_BY(mu_) = base::MonoTime::InfinitePast();
  bool telling_ ABSL_GUARDED_BY(mu_) = false;
  bool draining_ ABSL_GUARDED_BY(mu_) = false;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  bool watch_stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::thread watch_;
};

}  // namespace coordhub::loops
