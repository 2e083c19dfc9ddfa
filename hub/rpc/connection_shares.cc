#include "hub/rpc/connection_shares.h"

#include "grpc/grpc_security.h"

namespace coordhub::rpc {

ConnectionKey ConnectionOf(grpc::ServerContext* context) {
  // gRPC makes one for each connection, also where nobody is authenticated by it, and its calls
  // hold it. It is the only thing of a connection that it shows: all peers of a socket have one
  // name.
  grpc_auth_context* const of_connection = grpc_call_auth_context(context->c_call());
  grpc_auth_context_release(of_connection);
  return of_connection;
}

bool ConnectionShares::TryTake(ConnectionKey connection, size_t amount) {
  base::MutexLock lock(&mu_);
  if (amount > in_all_ - taken_) return false;
  size_t& share = by_connection_[connection];
  const bool has_room = amount <= per_connection_ - share;
  if (has_room) {
    share += amount;
    taken_ += amount;
  }
  if (share == 0) by_connection_.erase(connection);
  return has_room;
}

void ConnectionShares::GiveBack(ConnectionKey connection, size_t amount) {
  base::MutexLock lock(&mu_);
  taken_ -= amount;
  const auto found = by_connection_.find(connection);
  if (found == by_connection_.end()) return;
  found->second -= amount;
  if (found->second == 0) by_connection_.erase(found);
}

size_t ConnectionShares::taken() const {
  base::MutexLock lock(&mu_);
  return taken_;
}

}  // namespace coordhub::rpc
