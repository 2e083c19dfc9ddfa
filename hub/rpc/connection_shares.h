// What each connection may take of something that all share.

#pragma once

#include <cstddef>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "agent/base/mutex.h"
#include "grpcpp/server_context.h"

namespace coordhub::rpc {

// A connection, told from others for as long as a call of it lives.
using ConnectionKey = const void*;
ConnectionKey ConnectionOf(grpc::ServerContext* context);

// A bound for each connection, and one in all. Any thread.
class ConnectionShares {
 public:
  ConnectionShares(size_t per_connection, size_t in_all)
      : per_connection_(per_connection), in_all_(in_all) {}

  // False: there is not as much left.
  bool TryTake(ConnectionKey connection, size_t amount) ABSL_LOCKS_EXCLUDED(mu_);
  // What was taken, before the call that took it is over.
  void GiveBack(ConnectionKey connection, size_t amount) ABSL_LOCKS_EXCLUDED(mu_);

  size_t taken() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  const size_t per_connection_;
  const size_t in_all_;
  mutable base::Mutex mu_;  // a leaf
  absl::flat_hash_map<ConnectionKey, size_t> by_connection_ ABSL_GUARDED_BY(mu_);
  size_t taken_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace coordhub::rpc
