#include "tests/bench/load/meter.h"

#include <algorithm>
#include <chrono>

namespace coordhub::bench {

int64_t NowNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

Summary Summarize(const std::vector<Meter>& meters, int64_t window_ns) {
  std::vector<int64_t> all;
  for (const Meter& meter : meters) {
    all.insert(all.end(), meter.latencies().begin(), meter.latencies().end());
  }
  Summary summary;
  summary.operations = static_cast<int64_t>(all.size());
  if (all.empty()) return summary;
  std::sort(all.begin(), all.end());
  const auto at = [&all](double share) {
    return static_cast<double>(
               all[static_cast<size_t>(share * static_cast<double>(all.size() - 1))]) /
           1e3;
  };
  summary.per_second = static_cast<double>(all.size()) * 1e9 / static_cast<double>(window_ns);
  summary.p50_us = at(0.5);
  summary.p99_us = at(0.99);
  summary.max_us = at(1);
  return summary;
}

}  // namespace coordhub::bench
