#pragma once

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "agent/base/mutex.h"
#include "hub/engine/call.h"
#include "hub/engine/lease_clock.h"
#include "hub/engine/writer.h"

namespace coordhub::engine {

// The writer's thread and its queue: takes all that waits, runs it as one batch, and meanwhile lets
// the next one gather. The hub's own observations yield: one at a time, in a batch of its own,
// after the others' calls, and not while those fill whole batches (but for no more than kMaxYields
// of them). Wakes for new calls and for what falls due: at least every LeaseClock::kObservePeriod
// while anything will, every kTickPeriod while calls wait for a revision, and else not at all.
// Any thread may call.
class Sequencer {
 public:
  // Told whether there are deadlines, or may be after the batch that begins: then somebody has to
  // observe the lease clock. On the writer's thread; often; must not block.
  using OnDeadlines = std::function<void(bool there_are)>;

  struct Bounds {
    // Of what waits: calls, and bytes of their requests (one that is larger waits alone).
    size_t calls = 0;
    size_t bytes = 0;
    // Calls of one batch.
    size_t batch = 0;
  };

  // `writer` and `clock` are not owned. The thread starts at once.
  Sequencer(Writer* writer, LeaseClock* clock, const Bounds& bounds,
            OnDeadlines on_deadlines = nullptr);
  ~Sequencer();

  // False: the queue is full (or the sequencer stopped), `call` is untouched.
  bool Submit(Call&& call);
  // The caller of a queued or waiting call went away.
  void Cancel(CallId id);
  // Runs on the writer's thread between batches, after the calls that were queued before.
  // False: stopped; the task was not taken.
  bool Post(std::function<void()> task);
  // Answers everything that is queued, then ends the thread. Idempotent.
  void Stop();

  size_t queued() const;

 private:
  static constexpr size_t kYieldingCapacity = 64;
  static constexpr int kMaxYields = 8;
  // What ends calls that wait for a revision.
  static constexpr absl::Duration kTickPeriod = absl::Seconds(1);

  struct Batch {
    std::vector<Call> calls;
    size_t request_bytes = 0;  // of `calls`
    // At most one.
    std::vector<Call> yielding;
    std::vector<CallId> cancelled;
    std::vector<std::function<void()>> tasks;
  };

  void Run();
  bool HasRoomFor(const Call& call) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Waits until there is something to do. False: stop.
  bool TakeBatch(Batch* batch);
  void TakeYielding(Batch* batch) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void TellDeadlines(bool there_are) const {
    if (on_deadlines_) on_deadlines_(there_are);
  }
  absl::Duration IdleTime() const;
  void RunCalls(std::vector<Call> calls);
  static std::vector<Call> DropCancelled(std::vector<Call> calls, std::vector<CallId>* cancelled);

  Writer* const writer_;
  LeaseClock* const clock_;
  const Bounds bounds_;
  const OnDeadlines on_deadlines_;

  mutable base::Mutex mu_;
  base::CondVar wake_;
  Batch pending_ ABSL_GUARDED_BY(mu_);
  std::deque<Call> yielding_ ABSL_GUARDED_BY(mu_);
  // Batches that went before the first of yielding_.
  int yields_ ABSL_GUARDED_BY(mu_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace coordhub::engine
