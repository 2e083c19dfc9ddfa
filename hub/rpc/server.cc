#include "hub/rpc/server.h"

#include <algorithm>
#include <utility>

#include "agent/base/mutex.h"
#include "agent/base/status_macros.h"
#include "hub/rpc/listen_address.h"
#include "hub/rpc/listening_server.h"
#include "hub/rpc/service_host.h"

namespace coordhub::rpc {
namespace {

// For a call that began just before its server stopped to listen.
constexpr absl::Duration kLastCalls = absl::Milliseconds(100);

class GrpcServer final : public Server {
 public:
  explicit GrpcServer(std::shared_ptr<ServiceHost> host) : host_(std::move(host)) {}
  ~GrpcServer() override { Stop(absl::ZeroDuration()); }

  absl::Status Listen() {
    const std::string& tcp = host_->options().tcp_address;
    TcpAddress address;
    if (!tcp.empty()) {
      COORDHUB_ASSIGN_OR_RETURN(address, ParseLoopback(tcp));
    }
    for (const auto& workspace : host_->workspaces()) {
      if (workspace->served.socket_path.empty()) continue;
      COORDHUB_ASSIGN_OR_RETURN(auto server, ListeningServer::OnSocket(host_, workspace.get()));
      servers_.push_back(std::move(server));
    }
    if (tcp.empty()) return absl::OkStatus();
    COORDHUB_ASSIGN_OR_RETURN(auto server, ListeningServer::OnTcp(host_, address));
    tcp_port_ = server->tcp_port();
    servers_.push_back(std::move(server));
    return absl::OkStatus();
  }

  int tcp_port() const override { return tcp_port_; }

  void Shutdown(absl::Duration grace) override {
    for (const auto& server : servers_) server->StopServing();
    host_->Drain();
    Stop(grace);
  }

 private:
  // One after the other: streams and waits have been told to end on all of them.
  void Stop(absl::Duration grace) {
    base::MutexLock lock(&stop_mu_);
    // Once our own calls are over, what holds gRPC is a Watch of its health service.
    (void)host_->open_calls().AwaitNone(grace);
    for (const auto& server : servers_) server->Shutdown(std::min(grace, kLastCalls));
    host_->Close();
  }

  const std::shared_ptr<ServiceHost> host_;
  std::vector<std::unique_ptr<ListeningServer>> servers_;
  int tcp_port_ = 0;
  base::Mutex stop_mu_;  // taken before all others
};

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(ServerOptions options) {
  auto server = std::make_unique<GrpcServer>(MakeServiceHost(std::move(options)));
  COORDHUB_RETURN_IF_ERROR(server->Listen());
  return server;
}

}  // namespace coordhub::rpc
