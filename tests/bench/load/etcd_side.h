// etcd as a load sees it.

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "grpcpp/grpcpp.h"
#include "tests/bench/load/load.h"

namespace coordhub::bench {

// Writes a value of `bytes` under a key of its own.
Operation EtcdPut(const std::vector<std::shared_ptr<grpc::Channel>>& channels, int slots,
                  int bytes);
// The same as a transaction, if there is no such key yet: what a claim is there.
Operation EtcdTxn(const std::vector<std::shared_ptr<grpc::Channel>>& channels, int slots,
                  int bytes);
// Ids of `count` new leases.
std::vector<int64_t> EtcdLeases(const std::shared_ptr<grpc::Channel>& channel, int count);

}  // namespace coordhub::bench
