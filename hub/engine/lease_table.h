#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/base/mutex.h"
#include "hub/engine/lease_key.h"

namespace coordhub::engine {

// Leases by key, each kept alive by touching. Whether a touch or the expiry came first is decided
// by one atomic exchange, so a lease that was touched in time is never taken, and one that was
// taken is never touched again. All times are lease times. Any thread.
class LeaseTable {
 public:
  // A lease that ran out.
  struct Expired {
    LeaseKey key;
    std::string owner;
    absl::Duration silent_for;
  };

  // Adds a lease with its full time, or changes the owner and ttl of one that lives (which counts
  // as a touch).
  void Add(const LeaseName& name, const std::string& owner, absl::Duration ttl, base::MonoTime now);
  void Remove(const LeaseName& name);

  // False: there is no such lease, or it ran out.
  bool Touch(const LeaseName& name, base::MonoTime now);
  // Owner of a lease that has not run out; empty: none.
  std::string OwnerOf(const LeaseName& name) const;

  // Leases whose time is over. Each is ended for good but stays listed, here and in the next call,
  // until it is removed: the caller writes the expiry down first.
  std::vector<Expired> TakeExpired(base::MonoTime now);
  // When to call TakeExpired next: no lease runs out before this, and those whose expiry is not
  // written down yet are tried again then. Nullopt: there is nothing to wait for.
  std::optional<base::MonoTime> NextDeadline() const;

  struct Status {
    absl::Duration left;
    absl::Duration silent_for;
    absl::Duration ttl;
  };
  // Nullopt: there is no such lease, or it ran out.
  std::optional<Status> Find(const LeaseName& name, base::MonoTime now) const;

  size_t size() const;

 private:
  static constexpr int64_t kEnded = INT64_MIN;
  // Between two tries to write down the same expiry.
  static constexpr absl::Duration kRetry = absl::Milliseconds(250);

  struct Lease {
    explicit Lease(const LeaseName& name) : key(name) {}

    const LeaseKey key;
    std::string owner;
    absl::Duration ttl;
    // Lease time of the last touch in ns, or kEnded.
    std::atomic<int64_t> last_ns{kEnded};
    // Where it stands in schedule_: never later than its deadline.
    base::MonoTime scheduled;
    absl::Duration ended_after;
  };

  // Null when there is none.
  Lease* Lookup(const LeaseName& name) const ABSL_SHARED_LOCKS_REQUIRED(mu_);
  // Ends the lease, or moves it to its deadline when it was touched meanwhile. True: ended.
  bool EndIfSilent(Lease* lease, base::MonoTime now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  mutable base::SharedMutex mu_;
  absl::flat_hash_map<LeaseKey, std::unique_ptr<Lease>, LeaseKeyHash, LeaseKeyEqual> leases_
      ABSL_GUARDED_BY(mu_);
  absl::btree_set<std::pair<base::MonoTime, LeaseKey>> schedule_ ABSL_GUARDED_BY(mu_);
  // Ended, not yet removed.
  absl::btree_set<LeaseKey> ended_ ABSL_GUARDED_BY(mu_);
  // When ended_ is due again.
  base::MonoTime retry_at_ ABSL_GUARDED_BY(mu_);
};

}  // namespace coordhub::engine
