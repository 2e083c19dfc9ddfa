// Where gRPC puts what happened to the calls of a server, and who takes it from there.

#pragma once

#include <functional>
#include <memory>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "agent/base/mutex.h"
#include "grpcpp/completion_queue.h"
#include "grpcpp/server_builder.h"
#include "hub/rpc/open_calls.h"

namespace coordhub::rpc {

// Told when an operation that was begun with it is over. Lives until then.
class Completion {
 public:
  // On a thread of the queue's; must not block. `ok` as gRPC has it: of a request for a call, that
  // one came; of a read, that there was a message; of a write, that it went on its way.
  virtual void OnCompletion(bool ok) = 0;

 protected:
  ~Completion() = default;
};

// Calls a method of its owner.
template <class Owner>
class CompletionOf final : public Completion {
 public:
  using Method = void (Owner::*)(bool ok);
  CompletionOf(Owner* owner, Method method) : owner_(*owner), method_(method) {}
  void OnCompletion(bool ok) override { (owner_.*method_)(ok); }

 private:
  Owner& owner_;
  const Method method_;
};

// One thread, as long as it keeps up: a second one would be woken by the first for each answer that
// another thread gives, which costs more than it takes away. Once the first has had no moment's
// rest for a while, and the processor to itself, a second one helps, until it has little to do
// (hub/decisions/2026-11-26-calls-have-one-thread.md).
class CallQueue {
 public:
  // Adds a queue to the server that `builder` will build.
  explicit CallQueue(grpc::ServerBuilder* builder) : queue_(builder->AddCompletionQueue()) {}
  ~CallQueue() { Stop(); }
  CallQueue(const CallQueue&) = delete;
  CallQueue& operator=(const CallQueue&) = delete;

  // Starts the threads; once the server is built.
  void Start();
  // Waits until nobody will begin anything more (`users`), hands out what is left, and ends the
  // threads. Once the server is shut down, or was never built. Idempotent; blocks.
  void Stop();

  // Runs `task` on a thread of the queue's: of what it writes to streams, the completions then wake
  // nobody. False: the queue stops, and `task` is as it was. Any thread.
  bool Post(std::function<void()>&& task);

  // Has the second thread help until it finds nothing to do for some milliseconds. For a thread of
  // the queue's that does not rest.
  void CallHelp() ABSL_LOCKS_EXCLUDED(mu_);

  grpc::ServerCompletionQueue* get() const { return queue_.get(); }
  // Those who may yet begin an operation: who waits for calls, until told that none will come, and
  // calls under way. gRPC ends the process when one is begun in a queue that was shut down; and
  // that its server was does not mean that all calls have ended here.
  OpenCalls& users() { return users_; }

 private:
  void Run();
  void Help() ABSL_LOCKS_EXCLUDED(mu_);
  // Waits until help is called for. False: the queue stops.
  bool AwaitCall() ABSL_LOCKS_EXCLUDED(mu_);

  const std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  OpenCalls users_;
  bool stopped_ = false;

  base::Mutex mu_;  // a leaf
  base::CondVar wake_;
  bool help_wanted_ ABSL_GUARDED_BY(mu_) = false;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;

  std::thread thread_;
  std::thread helper_;
};

}  // namespace coordhub::rpc
