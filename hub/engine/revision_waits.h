// Calls that wait until a revision is there.

#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "agent/base/clock.h"
#include "agent/base/mutex.h"
#include "hub/engine/workspace.h"

namespace coordhub::engine {

// Keeps them by the revision that they wait for; whoever takes them out answers them. Any thread;
// calls nobody.
class RevisionWaits {
 public:
  enum class Added { kWaits, kReached, kFull, kClosed };

  struct Wait {
    int64_t min_revision = 0;
    ViewDone done;
  };

  // `head`: the revision that is there.
  RevisionWaits(int64_t head, size_t capacity) : capacity_(capacity), reached_(head) {}

  // Takes `done` if the call waits from now on, and else leaves it as it is. `due`: when
  // TakeOverdue gives it back.
  Added Add(int64_t min_revision, base::MonoTime due, ViewDone* done) ABSL_LOCKS_EXCLUDED(mu_);

  // The revision is there, and its view for all to see: those who waited for it or for one before,
  // in the order of what they waited for.
  std::vector<ViewDone> Reach(int64_t revision) ABSL_LOCKS_EXCLUDED(mu_);

  // Those whose time is over. A look costs little while nobody's can be.
  std::vector<Wait> TakeOverdue(base::MonoTime now) ABSL_LOCKS_EXCLUDED(mu_);

  // All; from now on nobody waits.
  std::vector<Wait> Close() ABSL_LOCKS_EXCLUDED(mu_);

  bool empty() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Pending {
    base::MonoTime due;
    ViewDone done;
  };

  const size_t capacity_;
  mutable base::Mutex mu_;  // a leaf
  std::multimap<int64_t, Pending> pending_ ABSL_GUARDED_BY(mu_);
  int64_t reached_ ABSL_GUARDED_BY(mu_);
  // None of pending_ is overdue before.
  base::MonoTime first_due_ ABSL_GUARDED_BY(mu_) = base::MonoTime::InfiniteFuture();
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace coordhub::engine
