#include "hub/engine/lease_table.h"

#include <algorithm>

#include "agent/base/mutant.h"

namespace coordhub::engine {

LeaseTable::Lease* LeaseTable::Lookup(const LeaseName& name) const {
  const auto it = leases_.find(name);
  return it == leases_.end() ? nullptr : it->second.get();
}

void LeaseTable::Add(const LeaseName& name, const std::string& owner, absl::Duration ttl,
                     base::MonoTime now) {
  if (base::MutantActive("expires_early")) ttl -= absl::Seconds(1);
  base::WriterMutexLock lock(&mu_);
  Lease* lease = Lookup(name);
  if (lease == nullptr) {
    auto added = std::make_unique<Lease>(name);
    lease = added.get();
    leases_.emplace(lease->key, std::move(added));
  } else {
    schedule_.erase({lease->scheduled, lease->key});
    ended_.erase(lease->key);
  }
  lease->owner = owner;
  lease->ttl = ttl;
  // A touch that came while the renewal was on its way to the disk is not taken back. Touches hold
  // the lock shared, so none comes in between.
  const int64_t last = std::max(now.ns, lease->last_ns.load(std::memory_order_acquire));
  lease->last_ns.store(last, std::memory_order_release);
  lease->scheduled = base::MonoTime{last} + ttl;
  schedule_.insert({lease->scheduled, lease->key});
}

void LeaseTable::Remove(const LeaseName& name) {
  base::WriterMutexLock lock(&mu_);
  const auto it = leases_.find(name);
  if (it == leases_.end()) return;
  schedule_.erase({it->second->scheduled, it->first});
  ended_.erase(it->first);
  leases_.erase(it);
}

bool LeaseTable::Touch(const LeaseName& name, base::MonoTime now) {
  base::ReaderMutexLock lock(&mu_);
  Lease* const lease = Lookup(name);
  if (lease == nullptr) return false;
  // Time that ran out is over even before the sequencer has written it down.
  int64_t last = lease->last_ns.load(std::memory_order_acquire);
  while (last != kEnded && base::MonoTime{last} + lease->ttl > now) {
    const int64_t next = std::max(last, now.ns);
    if (lease->last_ns.compare_exchange_weak(last, next, std::memory_order_acq_rel)) return true;
  }
  return false;
}

std::string LeaseTable::OwnerOf(const LeaseName& name) const {
  base::ReaderMutexLock lock(&mu_);
  const Lease* const lease = Lookup(name);
  if (lease == nullptr || lease->last_ns.load(std::memory_order_acquire) == kEnded) return {};
  return lease->owner;
}

bool LeaseTable::EndIfSilent(Lease* lease, base::MonoTime now) {
  int64_t last = lease->last_ns.load(std::memory_order_acquire);
  while (last != kEnded && base::MonoTime{last} + lease->ttl <= now) {
    if (lease->last_ns.compare_exchange_weak(last, kEnded, std::memory_order_acq_rel)) {
      lease->ended_after = now - base::MonoTime{last};
      ended_.insert(lease->key);
      return true;
    }
  }
  if (last != kEnded) {
    lease->scheduled = base::MonoTime{last} + lease->ttl;
    schedule_.insert({lease->scheduled, lease->key});
  }
  return false;
}

std::vector<LeaseTable::Expired> LeaseTable::TakeExpired(base::MonoTime now) {
  base::WriterMutexLock lock(&mu_);
  while (!schedule_.empty() && schedule_.begin()->first <= now) {
    Lease* const lease = Lookup(schedule_.begin()->second.name());
    schedule_.erase(schedule_.begin());
    if (lease != nullptr) EndIfSilent(lease, now);
  }
  std::vector<Expired> expired;
  expired.reserve(ended_.size());
  for (const LeaseKey& key : ended_) {
    const Lease* const lease = Lookup(key.name());
    expired.push_back({key, lease->owner, lease->ended_after});
  }
  retry_at_ = now + kRetry;
  return expired;
}

std::optional<base::MonoTime> LeaseTable::NextDeadline() const {
  base::ReaderMutexLock lock(&mu_);
  std::optional<base::MonoTime> next;
  if (!schedule_.empty()) next = schedule_.begin()->first;
  if (!ended_.empty() && (!next || retry_at_ < *next)) next = retry_at_;
  return next;
}

std::optional<LeaseTable::Status> LeaseTable::Find(const LeaseName& name,
                                                   base::MonoTime now) const {
  base::ReaderMutexLock lock(&mu_);
  const Lease* const lease = Lookup(name);
  if (lease == nullptr) return std::nullopt;
  const int64_t last = lease->last_ns.load(std::memory_order_acquire);
  if (last == kEnded) return std::nullopt;
  const base::MonoTime deadline = base::MonoTime{last} + lease->ttl;
  if (deadline <= now) return std::nullopt;
  return Status{deadline - now, std::max(now - base::MonoTime{last}, absl::ZeroDuration()),
                lease->ttl};
}

size_t LeaseTable::size() const {
  base::ReaderMutexLock lock(&mu_);
  return leases_.size();
}

}  // namespace coordhub::engine
