#include "hub/rpc/call_queue.h"

#include <pthread.h>
#include <sys/resource.h>

#include <utility>

#include "absl/time/time.h"
#include "grpcpp/alarm.h"

namespace coordhub::rpc {
namespace {

// Completions after which a thread looks whether it has rested: some milliseconds of work.
constexpr int kLookEvery = 512;
// Rests between two looks of a helper that has little to do.
constexpr int kRestsOfTooMany = kLookEvery / 32;
// How long the helper stays when there is nothing to do.
constexpr int64_t kLingerMicros = 10000;

void Tell(void* tag, bool ok) { static_cast<Completion*>(tag)->OnCompletion(ok); }

// How often this thread paused, from look to look.
class Pauses {
 public:
  // After each completion. True: it is time to look, and the figures are those since the last look.
  bool Count() {
    if (++completions_ % kLookEvery != 0) return false;
    rusage usage{};
    if (getrusage(RUSAGE_THREAD, &usage) != 0) return false;
    rested_ = usage.ru_nvcsw - std::exchange(all_rests_, usage.ru_nvcsw);
    displaced_ = usage.ru_nivcsw - std::exchange(all_displaced_, usage.ru_nivcsw);
    return true;
  }
  // There was nothing to do.
  int64_t rested() const { return rested_; }
  // Others wanted the processor.
  int64_t displaced() const { return displaced_; }

 private:
  unsigned completions_ = 0;
  int64_t all_rests_ = 0;
  int64_t all_displaced_ = 0;
  int64_t rested_ = 0;
  int64_t displaced_ = 0;
};

// Holds itself until it has run.
class PostedTask final : public Completion {
 public:
  static void Start(CallQueue* queue, std::function<void()> task) {
    auto* const posted = new PostedTask(queue, std::move(task));
    // What is due now, gRPC takes for due at the next millisecond.
    posted->alarm_.Set(queue->get(), gpr_inf_past(GPR_CLOCK_MONOTONIC), posted);
  }
  void OnCompletion(bool /*ok*/) override {
    task_();
    OpenCalls& users = queue_.users();
    delete this;
    users.Leave();
  }

 private:
  PostedTask(CallQueue* queue, std::function<void()> task)
      : queue_(*queue), task_(std::move(task)) {}

  CallQueue& queue_;
  const std::function<void()> task_;
  grpc::Alarm alarm_;
};

}  // namespace

bool CallQueue::Post(std::function<void()>&& task) {
  if (!users_.TryEnter()) return false;
  PostedTask::Start(this, std::move(task));
  return true;
}

void CallQueue::Start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "calls");
    Run();
  });
  helper_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "calls-help");
    Help();
  });
}

void CallQueue::Stop() {
  if (std::exchange(stopped_, true)) return;
  (void)users_.AwaitNone(absl::InfiniteDuration());
  queue_->Shutdown();
  if (!thread_.joinable()) return Run();
  thread_.join();
  {
    base::MutexLock lock(&mu_);
    stopping_ = true;
    wake_.Signal();
  }
  helper_.join();
}

void CallQueue::Run() {
  Pauses pauses;
  void* tag = nullptr;
  bool ok = false;
  while (queue_->Next(&tag, &ok)) {
    Tell(tag, ok);
    // Where others want the processor, a helper would want it, too: one more to switch to.
    if (pauses.Count() && pauses.rested() == 0 && pauses.displaced() == 0) CallHelp();
  }
}

void CallQueue::CallHelp() {
  base::MutexLock lock(&mu_);
  help_wanted_ = true;
  wake_.Signal();
}

bool CallQueue::AwaitCall() {
  base::MutexLock lock(&mu_);
  while (!help_wanted_ && !stopping_) wake_.Wait(&mu_);
  help_wanted_ = false;
  return !stopping_;
}

void CallQueue::Help() {
  const gpr_timespec linger = gpr_time_from_micros(kLingerMicros, GPR_TIMESPAN);
  Pauses pauses;
  void* tag = nullptr;
  bool ok = false;
  while (AwaitCall()) {
    while (queue_->AsyncNext(&tag, &ok, gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), linger)) ==
           grpc::CompletionQueue::GOT_EVENT) {
      Tell(tag, ok);
      if (pauses.Count() && pauses.rested() > kRestsOfTooMany) break;
    }
  }
}

}  // namespace coordhub::rpc
