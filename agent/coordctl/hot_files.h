// Files that keep attracting conflicts, counted from events.

#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "coordhub/v1/event.pb.h"

namespace coordhub::coordctl {

struct HotFile {
  std::string path;
  // Conflicts that opened with it among their paths, and open ones that came to have it.
  int64_t opened = 0;
  // Of branches, the lesser name first.
  std::set<std::pair<std::string, std::string>> pairs;
  absl::Time last_open_time;
};

// Gets events in their order. A conflict whose beginning was compacted away counts from its next.
class HotFileCount {
 public:
  void Add(const v1::Event& event);

  // Those with the most conflicts first, then by name; the first `limit`.
  std::vector<HotFile> Hottest(size_t limit) const;

 private:
  using Pair = std::pair<std::string, std::string>;

  // The paths of the conflicts that are open, as far as their beginning was seen.
  std::map<Pair, std::set<std::string>> open_;
  std::map<std::string, HotFile> files_;
};

}  // namespace coordhub::coordctl
