// Unary calls as a load: so many in flight, or so many a second.

#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/base/mutex.h"
#include "grpcpp/grpcpp.h"
#include "tests/bench/load/meter.h"

namespace coordhub::bench {

struct LoadOptions {
  std::string target;
  int in_flight = 64;
  // Connections that the slots share.
  int channels = 4;
  double seconds = 2;
  double warm_up_seconds = 0.7;
  // Calls a second, begun whether earlier ones have ended or not; 0: each slot begins one as soon
  // as its last has ended. Latency counts from when a call was meant to begin.
  double rate = 0;
};

// Connections of their own, each. `as_agents`: as the client library connects for a watch
// (agent/client/channel_arguments).
std::vector<std::shared_ptr<grpc::Channel>> Connect(const std::string& target, int count,
                                                    bool as_agents = false);

// One call: begins, and says when it has ended and whether it went well.
using Done = std::function<void(bool ok)>;
using Operation = std::function<void(int slot, Done done)>;

// Runs operations in slots; a slot has one at a time.
class Load {
 public:
  Load(const LoadOptions& options, Operation operation);

  // Blocks until the time is over and what was begun has ended.
  Summary Run();
  int64_t errors() const { return errors_; }
  // When the measured window began and ended, called then: to read the servers' processor time.
  void set_on_window(std::function<void(bool begins)> on_window) {
    on_window_ = std::move(on_window);
  }

 private:
  void BeginClosed(int slot);
  void RunOpen();
  void AwaitIdle();

  const LoadOptions options_;
  const Operation operation_;
  std::function<void(bool)> on_window_;
  std::vector<Meter> meters_;
  std::atomic<bool> stopping_{false};
  std::atomic<int64_t> errors_{0};
  base::Mutex mu_;
  base::CondVar idle_;
  int running_ ABSL_GUARDED_BY(mu_) = 0;
  std::vector<int> free_slots_ ABSL_GUARDED_BY(mu_);
};

// Waits until the monotonic time `ns`.
void WaitUntilNs(int64_t ns);

}  // namespace coordhub::bench
