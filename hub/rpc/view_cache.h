// The views that listings under way are paged from.

#pragma once

#include <cstddef>
#include <cstdint>
#include <list>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/base/mutex.h"
#include "hub/engine/workspace.h"

namespace coordhub::rpc {

// Pins views of one workspace for as long as someone may ask for a next page, so that all pages of
// a listing show one revision. Bounded: what was not asked for during kIdle goes, and so does the
// one that was not asked for longest when there are more than kMaxViews. Its pages then end with
// PAGE_TOKEN_EXPIRED. Any thread.
class ViewCache {
 public:
  static constexpr size_t kMaxViews = 64;
  static constexpr absl::Duration kIdle = absl::Seconds(60);

  explicit ViewCache(const base::Clock* clock) : clock_(*clock) {}

  void Pin(engine::ViewPtr view);
  // The pinned view of this revision, which stays for another kIdle; null: it is gone.
  engine::ViewPtr Find(int64_t revision);

  size_t size() const;

 private:
  struct Entry {
    engine::ViewPtr view;
    base::MonoTime last_use;
  };

  void DropIdle(base::MonoTime now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Moves the entry to the front; end() if there is none.
  std::list<Entry>::iterator Use(int64_t revision, base::MonoTime now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const base::Clock& clock_;
  mutable base::Mutex mu_;
  // The one used last comes first.
  std::list<Entry> entries_ ABSL_GUARDED_BY(mu_);
};

}  // namespace coordhub::rpc
