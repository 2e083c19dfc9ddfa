// Short tasks on a thread that somebody else has.

#pragma once

#include <functional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "agent/base/mutex.h"

namespace coordhub::engine {

// Where a thread of the layer above can be used, for who has one of its own but would rather not
// wake it. Any thread.
class LentThread {
 public:
  // Has the task run soon, once. False: it will not, and the task is as it was. Must not block, nor
  // run it at once.
  using Runner = std::function<bool(std::function<void()>&& task)>;

  // Null: nothing is lent any more; when this returns, the runner before is not called again.
  void Lend(Runner runner) ABSL_LOCKS_EXCLUDED(mu_) {
    base::MutexLock lock(&mu_);
    runner_ = std::move(runner);
  }

  // False: nothing is lent.
  bool TryRun(std::function<void()>&& task) ABSL_LOCKS_EXCLUDED(mu_) {
    base::MutexLock lock(&mu_);
    return runner_ != nullptr && runner_(std::move(task));
  }

 private:
  base::Mutex mu_;  // held while the runner is called
  Runner runner_ ABSL_GUARDED_BY(mu_);
};

}  // namespace coordhub::engine
