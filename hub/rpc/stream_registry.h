// All open streams of the server.

#pragma once

#include <cstddef>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "agent/base/mutex.h"
#include "hub/rpc/stream.h"

namespace coordhub::rpc {

// Bounds the number of streams and tells them when a workspace drains. Any thread; no lock is held
// while a stream is called.
class StreamRegistry {
 public:
  explicit StreamRegistry(size_t max_streams) : max_streams_(max_streams) {}

  // Errors: LIMIT_REACHED streams.
  absl::Status Add(const std::shared_ptr<Stream>& stream);
  void Remove(const Stream* stream);

  void TellDrain(const engine::Workspace* workspace);

  size_t size() const;

 private:
  const size_t max_streams_;
  mutable base::Mutex mu_;
  absl::flat_hash_map<const Stream*, std::weak_ptr<Stream>> streams_ ABSL_GUARDED_BY(mu_);
};

}  // namespace coordhub::rpc
