#pragma once

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
// the next one gather. Wakes for new calls, for what falls due, and at least every
// LeaseClock::kObservePeriod. Any thread may call.
class Sequencer {
 public:
  // `writer` and `clock` are not owned. The thread starts at once.
  Sequencer(Writer* writer, LeaseClock* clock, size_t capacity, size_t max_batch);
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
  struct Batch {
    std::vector<Call> calls;
    std::vector<CallId> cancelled;
    std::vector<std::function<void()>> tasks;
  };

  void Run();
  // Waits until there is something to do. False: stop.
  bool TakeBatch(Batch* batch);
  absl::Duration IdleTime() const;
  void RunCalls(std::vector<Call> calls);
  static std::vector<Call> DropCancelled(std::vector<Call> calls, std::vector<CallId>* cancelled);

  Writer* const writer_;
  LeaseClock* const clock_;
  const size_t capacity_;
  const size_t max_batch_;

  mutable base::Mutex mu_;
  base::CondVar wake_;
  Batch pending_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace coordhub::engine
