// One listening gRPC server with its services.

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/base/unique_fd.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "hub/rpc/bound_service.h"
#include "hub/rpc/call_queue.h"
#include "hub/rpc/doorkeeper.h"
#include "hub/rpc/gate.h"
#include "hub/rpc/health_service.h"
#include "hub/rpc/listen_address.h"
#include "hub/rpc/loop_health.h"
#include "hub/rpc/reflection_service.h"
#include "hub/rpc/service_host.h"
#include "hub/rpc/unknown_methods.h"
#include "hub/rpc/wire_guard.h"

namespace coordhub::rpc {

// All services of the contract at one address, over the shared host; health and reflection beside
// them, open to whoever may connect. Any thread may call any method but the destructor.
class ListeningServer {
 public:
  // On the workspace's socket, 0600. Errors: those of ListenOnPath; IO_FAILED.
  static absl::StatusOr<std::unique_ptr<ListeningServer>> OnSocket(
      std::shared_ptr<ServiceHost> host, HostedWorkspace* workspace);
  // On a loopback address. Errors: those of ListenOnTcp; IO_FAILED.
  static absl::StatusOr<std::unique_ptr<ListeningServer>> OnTcp(std::shared_ptr<ServiceHost> host,
                                                                const TcpAddress& address);
  ~ListeningServer();

  // 0: a socket.
  int tcp_port() const { return tcp_port_; }

  // From now on health says NOT_SERVING.
  void StopServing() { health_.StopServing(); }
  // Accepts no more connections; lets calls end until `grace` is over, then cuts them. Blocks until
  // all have. Idempotent.
  void Shutdown(absl::Duration grace);

 private:
  ListeningServer(std::shared_ptr<ServiceHost> host, Gate::Transport transport,
                  HostedWorkspace* default_workspace);

  // Serves whoever comes to `listening`, which is at `address`. Errors: IO_FAILED.
  absl::Status Serve(ListeningSocket listening, const std::string& address);
  // Opens the door, once everything is in its place.
  absl::Status LetIn(base::UniqueFd listener, const std::string& address);
  // Hands a connection, or its guarded end, to gRPC.
  void Admit(int connection);
  void AcceptCalls();
  // Null: no more.
  void LendThread(const engine::LentThread::Runner& runner);

  const std::shared_ptr<ServiceHost> host_;
  const Gate gate_;
  std::vector<std::unique_ptr<BoundService>> services_;
  UnknownMethods unknown_methods_;
  HealthService health_;
  std::vector<std::unique_ptr<ReflectionService>> reflection_;
  std::vector<std::unique_ptr<LoopHealth>> loop_health_;
  int tcp_port_ = 0;
  SocketFile socket_file_;
  std::unique_ptr<CallQueue> queue_;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> connections_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<WireGuard> guard_;  // over TCP
  std::unique_ptr<Doorkeeper> doorkeeper_;
};

}  // namespace coordhub::rpc
