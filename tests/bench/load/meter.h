// What a load comes to: how many operations, how long each took.

#pragma once

#include <cstdint>
#include <vector>

namespace coordhub::bench {

int64_t NowNs();

// Latencies of one slot; only its operation writes it. What began outside the window is not
// counted.
class Meter {
 public:
  void SetWindow(int64_t begin_ns, int64_t end_ns) {
    begin_ns_ = begin_ns;
    end_ns_ = end_ns;
  }
  // An operation that was meant to begin at `began_ns` has ended now.
  void Count(int64_t began_ns, int64_t now_ns) {
    if (now_ns < begin_ns_ || now_ns >= end_ns_) return;
    latencies_.push_back(now_ns - began_ns);
  }
  const std::vector<int64_t>& latencies() const { return latencies_; }

 private:
  int64_t begin_ns_ = 0;
  int64_t end_ns_ = 0;
  std::vector<int64_t> latencies_;
};

struct Summary {
  int64_t operations = 0;
  double per_second = 0;
  double p50_us = 0;
  double p99_us = 0;
  double max_us = 0;
};

Summary Summarize(const std::vector<Meter>& meters, int64_t window_ns);

}  // namespace coordhub::bench
