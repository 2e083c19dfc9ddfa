#include "hub/engine/revision_waits.h"

#include <algorithm>
#include <utility>

namespace coordhub::engine {

RevisionWaits::Added RevisionWaits::Add(int64_t min_revision, base::MonoTime due, ViewDone* done) {
  base::MutexLock lock(&mu_);
  if (min_revision <= reached_) return Added::kReached;
  if (closed_) return Added::kClosed;
  if (pending_.size() >= capacity_) return Added::kFull;
  pending_.emplace(min_revision, Pending{due, std::move(*done)});
  first_due_ = std::min(first_due_, due);
  return Added::kWaits;
}

std::vector<ViewDone> RevisionWaits::Reach(int64_t revision) {
  std::vector<ViewDone> reached;
  base::MutexLock lock(&mu_);
  reached_ = std::max(reached_, revision);
  const auto end = pending_.upper_bound(reached_);
  for (auto it = pending_.begin(); it != end; ++it) reached.push_back(std::move(it->second.done));
  pending_.erase(pending_.begin(), end);
  return reached;
}

std::vector<RevisionWaits::Wait> RevisionWaits::TakeOverdue(base::MonoTime now) {
  std::vector<Wait> overdue;
  base::MutexLock lock(&mu_);
  if (first_due_ > now) return overdue;
  first_due_ = base::MonoTime::InfiniteFuture();
  for (auto it = pending_.begin(); it != pending_.end();) {
    if (it->second.due > now) {
      first_due_ = std::min(first_due_, it->second.due);
      ++it;
      continue;
    }
    overdue.push_back({it->first, std::move(it->second.done)});
    it = pending_.erase(it);
  }
  return overdue;
}

std::vector<RevisionWaits::Wait> RevisionWaits::Close() {
  std::vector<Wait> all;
  base::MutexLock lock(&mu_);
  closed_ = true;
  for (auto& [revision, pending] : pending_) all.push_back({revision, std::move(pending.done)});
  pending_.clear();
  return all;
}

bool RevisionWaits::empty() const {
  base::MutexLock lock(&mu_);
  return pending_.empty();
}

}  // namespace coordhub::engine
