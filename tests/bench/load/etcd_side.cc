#include "tests/bench/load/etcd_side.h"

#include <atomic>
#include <cstdint>

#include "etcd.grpc.pb.h"
#include "tests/bench/load/calls.h"
#include "tests/bench/load/hub_side.h"

namespace coordhub::bench {
namespace {

namespace etcd = ::etcdserverpb;

struct Stubs {
  std::vector<std::unique_ptr<etcd::KV::Stub>> all;
  std::atomic<int64_t> keys{0};

  explicit Stubs(const std::vector<std::shared_ptr<grpc::Channel>>& channels) {
    for (const auto& channel : channels) all.push_back(etcd::KV::NewStub(channel));
  }
  etcd::KV::Stub& Of(int slot) { return *all[static_cast<size_t>(slot) % all.size()]; }
  std::string NewKey() { return "ticket/" + std::to_string(keys++); }
};

}  // namespace

Operation EtcdPut(const std::vector<std::shared_ptr<grpc::Channel>>& channels, int slots,
                  int bytes) {
  using PutCalls = Calls<etcd::PutRequest, etcd::PutResponse>;
  return [stubs = std::make_shared<Stubs>(channels), calls = std::make_shared<PutCalls>(slots),
          value = std::string(static_cast<size_t>(bytes), 'v')](int slot, const Done& done) {
    auto& call = calls->Begin(slot);
    call.request.set_key(stubs->NewKey());
    call.request.set_value(value);
    stubs->Of(slot).async()->Put(&*call.context, &call.request, &call.response,
                                 [done](const grpc::Status& status) {
                                   Check(status, "Put");
                                   done(true);
                                 });
  };
}

Operation EtcdTxn(const std::vector<std::shared_ptr<grpc::Channel>>& channels, int slots,
                  int bytes) {
  using TxnCalls = Calls<etcd::TxnRequest, etcd::TxnResponse>;
  return [stubs = std::make_shared<Stubs>(channels), calls = std::make_shared<TxnCalls>(slots),
          value = std::string(static_cast<size_t>(bytes), 'v')](int slot, const Done& done) {
    auto& call = calls->Begin(slot);
    const std::string key = stubs->NewKey();
    etcd::Compare* absent = call.request.add_compare();
    absent->set_target(etcd::Compare::CREATE);
    absent->set_key(key);
    absent->set_create_revision(0);
    etcd::PutRequest* put = call.request.add_success()->mutable_request_put();
    put->set_key(key);
    put->set_value(value);
    stubs->Of(slot).async()->Txn(&*call.context, &call.request, &call.response,
                                 [&call, done](const grpc::Status& status) {
                                   Check(status, "Txn");
                                   done(call.response.succeeded());
                                 });
  };
}

std::vector<int64_t> EtcdLeases(const std::shared_ptr<grpc::Channel>& channel, int count) {
  const auto stub = etcd::Lease::NewStub(channel);
  std::vector<int64_t> leases;
  for (int i = 0; i < count; ++i) {
    grpc::ClientContext context;
    etcd::LeaseGrantRequest request;
    etcd::LeaseGrantResponse response;
    request.set_ttl(3'600);
    Check(stub->LeaseGrant(&context, request, &response), "LeaseGrant");
    leases.push_back(response.id());
  }
  return leases;
}

}  // namespace coordhub::bench
