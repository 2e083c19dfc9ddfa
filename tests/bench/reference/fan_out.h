// One event to many streams, encoded once.

#pragma once

#include <deque>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "agent/base/mutex.h"
#include "bench.pb.h"
#include "grpcpp/grpcpp.h"

namespace coordhub::bench {

// Any thread. Streams that coalesce are served by a thread of its own, which gathers what is
// published while it hands out; the others by whoever publishes.
class FanOut {
 public:
  FanOut();
  ~FanOut();

  void Publish(const Payload& message) ABSL_LOCKS_EXCLUDED(mu_);
  grpc::ServerWriteReactor<grpc::ByteBuffer>* Subscribe(bool coalesce) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  class Subscriber;

  void HandAll(const std::vector<grpc::Slice>& frames, bool coalescing) ABSL_LOCKS_EXCLUDED(mu_);
  void Run();

  base::Mutex mu_;
  base::CondVar wake_;
  std::set<std::shared_ptr<Subscriber>> subscribers_ ABSL_GUARDED_BY(mu_);
  std::vector<grpc::Slice> pending_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace coordhub::bench
