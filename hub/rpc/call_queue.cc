#include "hub/rpc/call_queue.h"

#include <pthread.h>
#include <sys/resource.h>

#include <utility>

#include "absl/time/time.h"
#include "grpcpp/alarm.h"

namespace coordhub::rpc {
namespace {

// Completions after which a thread looks whether it has rested.
constexpr int kLookEvery = 64;
// Looks in a row without a rest after which it calls for help: some milliseconds.
constexpr int kRestlessLooks = 8;
// How long the helper stays when there is nothing to do.
constexpr int64_t kLingerMicros = 10000;

void Tell(void* tag, bool ok) { static_cast<Completion*>(tag)->OnCompletion(ok); }

// Whether this thread goes on and on without waiting for anything.
class Restlessness {
 public:
  // After each completion. True: for long enough to call for help.
  bool Count() {
    if (++completions_ % kLookEvery != 0) return false;
    rusage usage{};
    if (getrusage(RUSAGE_THREAD, &usage) != 0) return false;
    restless_looks_ = usage.ru_nvcsw == rests_ ? restless_looks_ + 1 : 0;
    rests_ = usage.ru_nvcsw;
    return restless_looks_ >= kRestlessLooks;
  }

 private:
  unsigned completions_ = 0;
  int restless_looks_ = 0;
  long rests_ = 0;  // NOLINT(google-runtime-int): as the kernel counts them
};

// Holds itself until it has run.
class PostedTask final : public Completion {
 public:
  static void Start(CallQueue* queue, std::function<void()> task) {
    auto* const posted = new PostedTask(queue, std::move(task));
    posted->alarm_.Set(queue->get(), gpr_now(GPR_CLOCK_MONOTONIC), posted);
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
  Restlessness restlessness;
  void* tag = nullptr;
  bool ok = false;
  while (queue_->Next(&tag, &ok)) {
    Tell(tag, ok);
    if (restlessness.Count()) CallHelp();
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
  void* tag = nullptr;
  bool ok = false;
  while (AwaitCall()) {
    while (queue_->AsyncNext(&tag, &ok, gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), linger)) ==
           grpc::CompletionQueue::GOT_EVENT) {
      Tell(tag, ok);
    }
  }
}

}  // namespace coordhub::rpc
