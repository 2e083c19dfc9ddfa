#include "agent/coordctl/hot_files.h"

#include <algorithm>

#include "agent/client/proto_time.h"

namespace coordhub::coordctl {

void HotFileCount::Add(const v1::Event& event) {
  for (const v1::RecordChange& change : event.changes()) {
    if (!change.has_conflict()) continue;
    const v1::Conflict& conflict = change.conflict();
    const Pair pair(conflict.branch_a(), conflict.branch_b());
    if (change.erased()) {
      open_.erase(pair);
      continue;
    }
    std::set<std::string> paths(conflict.paths().begin(), conflict.paths().end());
    const auto known = open_.find(pair);
    // Of one that was open before the first event that is kept, nobody knows what is new.
    const bool counts = known != open_.end() || !change.has_previous();
    for (const std::string& path : paths) {
      if (!counts || (known != open_.end() && known->second.contains(path))) continue;
      HotFile& file = files_[path];
      file.path = path;
      ++file.opened;
      file.pairs.insert(pair);
      file.last_open_time = agent::FromProto(event.event_time());
    }
    open_[pair] = std::move(paths);
  }
}

std::vector<HotFile> HotFileCount::Hottest(size_t limit) const {
  std::vector<HotFile> files;
  files.reserve(files_.size());
  for (const auto& [path, file] : files_) files.push_back(file);
  std::stable_sort(files.begin(), files.end(),
                   [](const HotFile& a, const HotFile& b) { return a.opened > b.opened; });
  if (files.size() > limit) files.resize(limit);
  return files;
}

}  // namespace coordhub::coordctl
