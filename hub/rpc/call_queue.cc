#include "hub/rpc/call_queue.h"

#include <pthread.h>

#include <utility>

namespace coordhub::rpc {

void CallQueue::Start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "calls");
    Run();
  });
}

void CallQueue::Stop() {
  if (std::exchange(stopped_, true)) return;
  (void)users_.AwaitNone(absl::InfiniteDuration());
  queue_->Shutdown();
  if (thread_.joinable()) {
    thread_.join();
  } else {
    Run();
  }
}

void CallQueue::Run() {
  void* tag = nullptr;
  bool ok = false;
  while (queue_->Next(&tag, &ok)) static_cast<Completion*>(tag)->OnCompletion(ok);
}

}  // namespace coordhub::rpc
