// Server reflection: tells tools what the contract is.

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "hub/rpc/connection_shares.h"
#include "hub/rpc/gate.h"
#include "hub/rpc/queued_service.h"
#include "hub/rpc/service_host.h"

namespace coordhub::rpc {

// Open streams of reflection, which nobody needs many of. Further ones are refused.
inline constexpr size_t kReflectionStreamsPerConnection = 16;
inline constexpr size_t kReflectionStreams = 128;

// Ours, for the library's needs a thread for each stream, and asks nobody who he is. Over TCP a
// caller shows a token, as for everything. Answers one request after the other, on the thread for
// reads that take their time.
class ReflectionService final : public QueuedService {
 public:
  // One of the service's two versions, whose messages are the same. `host` and `gate` outlive all
  // calls. `services` are the full names of those that the server has.
  ReflectionService(const google::protobuf::ServiceDescriptor* version,
                    std::shared_ptr<ServiceHost> host, const Gate* gate,
                    std::vector<std::string> services);

  static const google::protobuf::ServiceDescriptor* V1();
  static const google::protobuf::ServiceDescriptor* V1Alpha();

 private:
  class Stream;

  void OnUnary(int method, std::unique_ptr<UnaryServerCall> call) override;
  void OnStream(int method, std::unique_ptr<StreamServerCall> call) override;

  const std::shared_ptr<ServiceHost> host_;
  const Gate& gate_;
  const std::vector<std::string> services_;
  ConnectionShares streams_;
};

}  // namespace coordhub::rpc
