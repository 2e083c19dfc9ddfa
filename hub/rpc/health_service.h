// grpc.health.v1: whether the hub, a service of it, or a loop serves.

#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "agent/base/mutex.h"
#include "grpc/health/v1/health.pb.h"
#include "hub/rpc/connection_shares.h"
#include "hub/rpc/gate.h"
#include "hub/rpc/queued_service.h"

namespace coordhub::rpc {

// As the protocol has it (github.com/grpc/grpc doc/health-checking.md): Check of a name that nobody
// set is NOT_FOUND; Watch of one says SERVICE_UNKNOWN and goes on, and says what changes, the
// newest state where several came while a message was out. Ours, for gRPC's own needs threads that
// take part in all other calls (hub/decisions/2026-11-26-calls-have-one-thread.md).
//
// Whether the hub runs, "", is told to whoever may connect; over TCP what its parts do only to who
// shows a token. Any thread may call.
class HealthService final : public QueuedService {
 public:
  // Open watches; further ones are refused.
  static constexpr size_t kWatchesPerConnection = 32;
  static constexpr size_t kWatches = 1'024;

  // The whole, "", is serving. `gate` outlives all calls.
  explicit HealthService(const Gate* gate);
  ~HealthService() override;

  void SetServing(const std::string& name, bool serving) ABSL_LOCKS_EXCLUDED(mu_);
  // Nothing serves any more, whatever is set later. Idempotent.
  void StopServing() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  using Status = grpc::health::v1::HealthCheckResponse::ServingStatus;
  class WatchReactor;

  void OnUnary(int method, std::unique_ptr<UnaryServerCall> call) override;
  void OnStream(int method, std::unique_ptr<StreamServerCall> call) override;

  // Whether the caller may ask about the name.
  absl::Status Admit(const grpc::ServerContext& context, const std::string& name) const;
  // SERVICE_UNKNOWN when nobody set it.
  Status Find(const std::string& name) const ABSL_LOCKS_EXCLUDED(mu_);
  void Join(const std::shared_ptr<WatchReactor>& watch) ABSL_LOCKS_EXCLUDED(mu_);
  void Leave(const WatchReactor* watch) ABSL_LOCKS_EXCLUDED(mu_);
  std::vector<std::shared_ptr<WatchReactor>> WatchesOf(const std::string* name) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const Gate& gate_;
  ConnectionShares shares_{kWatchesPerConnection, kWatches};
  // A leaf: taken under a watch's lock, and nothing is called under it.
  mutable base::Mutex mu_;
  std::map<std::string, bool> serving_ ABSL_GUARDED_BY(mu_);
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
  std::map<const WatchReactor*, std::weak_ptr<WatchReactor>> watches_ ABSL_GUARDED_BY(mu_);
};

}  // namespace coordhub::rpc
