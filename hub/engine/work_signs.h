#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "agent/base/mutex.h"
#include "coordhub/v1/ticket.pb.h"
#include "hub/core/records.h"
#include "hub/engine/broadcaster.h"

namespace coordhub::engine {

// Signs that the holder of a ticket works on it: its progress notes, its comments, commits on its
// branch. Volatile: gone with the hub. Never more of them than twice the claims and some. Any
// thread.
class WorkSigns {
 public:
  // A note of the holder with this fence. `view`: the newest, to tell what is out of date.
  void NoteProgress(const core::View& view, const std::string& ticket_id, int64_t fence,
                    v1::Progress progress, absl::Time now);

  // Comments and moved branches among the events of a batch. `before`, `after`: the views around
  // it. The writer's thread.
  void Follow(const std::vector<EncodedEvent>& events, const core::View& before,
              const core::View& after);

  // Fills in `progress` and `last_work_time` of a ticket that somebody holds.
  void Decorate(v1::Ticket* ticket) const;

 private:
  struct Work {
    int64_t fence = 0;
    v1::Progress progress;  // without note_time: none
    absl::Time last;
  };

  void Sign(const core::View& view, const v1::Ticket& ticket, absl::Time time);
  // The entry of a claim; what was known of an earlier claim on the ticket is forgotten.
  Work& Of(const core::View& view, const std::string& ticket_id, int64_t fence)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  mutable base::Mutex mu_;  // a leaf
  absl::flat_hash_map<std::string, Work> work_ ABSL_GUARDED_BY(mu_);
};

}  // namespace coordhub::engine
