// One event to many streams, encoded once.

#pragma once

#include <deque>
#include <memory>
#include <set>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "agent/base/mutex.h"
#include "bench.pb.h"
#include "grpcpp/grpcpp.h"

namespace coordhub::bench {

// Any thread.
class FanOut {
 public:
  void Publish(const Payload& message) ABSL_LOCKS_EXCLUDED(mu_);
  grpc::ServerWriteReactor<grpc::ByteBuffer>* Subscribe(bool coalesce) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  class Subscriber;

  base::Mutex mu_;
  std::set<std::shared_ptr<Subscriber>> subscribers_ ABSL_GUARDED_BY(mu_);
};

}  // namespace coordhub::bench
