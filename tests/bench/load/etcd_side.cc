#include "tests/bench/load/etcd_side.h"

#include <atomic>
#include <cstdint>

#include "etcd.grpc.pb.h"
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

template <class Request, class Response>
struct Call {
  grpc::ClientContext context;
  Request request;
  Response response;
};

}  // namespace

Operation EtcdPut(const std::vector<std::shared_ptr<grpc::Channel>>& channels, int bytes) {
  return [stubs = std::make_shared<Stubs>(channels),
          value = std::string(static_cast<size_t>(bytes), 'v')](int slot, const Done& done) {
    const auto call = std::make_shared<Call<etcd::PutRequest, etcd::PutResponse>>();
    call->request.set_key(stubs->NewKey());
    call->request.set_value(value);
    stubs->Of(slot).async()->Put(&call->context, &call->request, &call->response,
                                 [call, done](const grpc::Status& status) {
                                   Check(status, "Put");
                                   done(true);
                                 });
  };
}

Operation EtcdTxn(const std::vector<std::shared_ptr<grpc::Channel>>& channels, int bytes) {
  return [stubs = std::make_shared<Stubs>(channels),
          value = std::string(static_cast<size_t>(bytes), 'v')](int slot, const Done& done) {
    const auto call = std::make_shared<Call<etcd::TxnRequest, etcd::TxnResponse>>();
    const std::string key = stubs->NewKey();
    etcd::Compare* absent = call->request.add_compare();
    absent->set_target(etcd::Compare::CREATE);
    absent->set_key(key);
    absent->set_create_revision(0);
    etcd::PutRequest* put = call->request.add_success()->mutable_request_put();
    put->set_key(key);
    put->set_value(value);
    stubs->Of(slot).async()->Txn(&call->context, &call->request, &call->response,
                                 [call, done](const grpc::Status& status) {
                                   Check(status, "Txn");
                                   done(call->response.succeeded());
                                 });
  };
}

std::vector<int64_t> EtcdLeases(const std::shared_ptr<grpc::Channel>& channel, int count) {
  const auto stub = etcd::Lease::NewStub(channel);
  std::vector<int64_t> leases;
  for (int i = 0; i < count; ++i) {
    Call<etcd::LeaseGrantRequest, etcd::LeaseGrantResponse> call;
    call.request.set_ttl(3'600);
    Check(stub->LeaseGrant(&call.context, call.request, &call.response), "LeaseGrant");
    leases.push_back(call.response.id());
  }
  return leases;
}

}  // namespace coordhub::bench
