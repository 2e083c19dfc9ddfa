#include "hub/rpc/view_cache.h"

#include <algorithm>
#include <utility>

namespace coordhub::rpc {

void ViewCache::DropIdle(base::MonoTime now) {
  while (!entries_.empty() && now - entries_.back().last_use > kIdle) entries_.pop_back();
}

std::list<ViewCache::Entry>::iterator ViewCache::Use(int64_t revision, base::MonoTime now) {
  const auto found = std::find_if(entries_.begin(), entries_.end(), [revision](const Entry& entry) {
    return entry.view->revision == revision;
  });
  if (found == entries_.end()) return found;
  found->last_use = now;
  entries_.splice(entries_.begin(), entries_, found);
  return found;
}

void ViewCache::Pin(engine::ViewPtr view) {
  const base::MonoTime now = clock_.Mono();
  engine::ViewPtr dropped;  // freed after the lock: a view may be all that holds many records
  base::MutexLock lock(&mu_);
  DropIdle(now);
  if (Use(view->revision, now) != entries_.end()) return;
  entries_.push_front({std::move(view), now});
  if (entries_.size() <= kMaxViews) return;
  dropped = std::move(entries_.back().view);
  entries_.pop_back();
}

engine::ViewPtr ViewCache::Find(int64_t revision) {
  const base::MonoTime now = clock_.Mono();
  base::MutexLock lock(&mu_);
  DropIdle(now);
  const auto found = Use(revision, now);
  return found == entries_.end() ? nullptr : found->view;
}

size_t ViewCache::size() const {
  base::MutexLock lock(&mu_);
  return entries_.size();
}

}  // namespace coordhub::rpc
