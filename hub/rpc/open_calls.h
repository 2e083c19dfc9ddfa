// How many calls are under way, for who waits until there are none.

#pragma once

#include <atomic>
#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "agent/base/mutex.h"

namespace coordhub::rpc {

// Counts the calls that our own reactors serve, from their start until gRPC is done with them. gRPC
// itself waits for all calls when it stops, among them a Watch of its health service, which ends
// only with its caller. Any thread.
class OpenCalls {
 public:
  void Enter() { ++count_; }
  // The same, unless somebody waits already: then it is not counted, and false. For calls that may
  // go on to begin while the hub stops, so that their traffic does not hold it up.
  bool TryEnter() ABSL_LOCKS_EXCLUDED(mu_) {
    Enter();  // first, so that who waits sees it, or it who waits
    if (!awaited_) return true;
    Leave();
    return false;
  }
  void Leave() ABSL_LOCKS_EXCLUDED(mu_) {
    if (--count_ == 0 && awaited_) Tell();
  }

  // Blocks until there are none, for `grace` of real time at most. True: there are none.
  bool AwaitNone(absl::Duration grace) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  void Tell() ABSL_LOCKS_EXCLUDED(mu_);

  std::atomic<int64_t> count_{0};
  std::atomic<bool> awaited_{false};
  base::Mutex mu_;  // a leaf
  base::CondVar none_;
};

}  // namespace coordhub::rpc
