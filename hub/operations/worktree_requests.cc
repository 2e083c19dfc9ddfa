#include "hub/operations/worktree_requests.h"

#include <algorithm>

namespace coordhub::operations {

std::string WorktreeRequests::DefaultPath(std::string_view branch) const {
  std::string name(branch);
  std::replace(name.begin(), name.end(), '/', '-');
  return directory_ + "/" + name;
}

bool WorktreeRequests::Hold(const std::string& path, const WorktreeRequest& request) {
  base::MutexLock lock(&mu_);
  Held& held = held_[path];
  if (held.holders > 0 && held.request != request) return false;
  held.request = request;
  ++held.holders;
  return true;
}

void WorktreeRequests::Release(const std::string& path) {
  base::MutexLock lock(&mu_);
  const auto held = held_.find(path);
  if (held != held_.end() && --held->second.holders == 0) held_.erase(held);
}

std::optional<WorktreeRequest> WorktreeRequests::Find(const std::string& path) const {
  base::MutexLock lock(&mu_);
  const auto held = held_.find(path);
  if (held == held_.end()) return std::nullopt;
  return held->second.request;
}

}  // namespace coordhub::operations
