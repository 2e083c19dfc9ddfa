#include "hub/rpc/listening_server.h"

#include <sys/stat.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/grpc_target.h"
#include "agent/base/status_macros.h"
#include "coordhub/v1/convergence_service.pb.h"
#include "coordhub/v1/message_service.pb.h"
#include "coordhub/v1/operation_service.pb.h"
#include "coordhub/v1/reservation_service.pb.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/server_builder.h"
#include "hub/rpc/agent_service.h"
#include "hub/rpc/event_service.h"
#include "hub/rpc/hub_service.h"
#include "hub/rpc/repository_service.h"
#include "hub/rpc/server_arguments.h"
#include "hub/rpc/ticket_service.h"

namespace coordhub::rpc {
namespace {

// The services that this version does not implement, whole.
std::vector<const google::protobuf::ServiceDescriptor*> LaterServices() {
  return {v1::AcquireReservationRequest::descriptor()->file()->service(0),
          v1::SendMessageRequest::descriptor()->file()->service(0),
          v1::OpenRoundRequest::descriptor()->file()->service(0),
          v1::GetOperationRequest::descriptor()->file()->service(0)};
}

// A setting of the process that applies to servers built from then on.
void EnableReflection() {
  static const bool done = [] {
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    return true;
  }();
  (void)done;
}

// What is made while it lives is for this user only.
class PrivateUmask {
 public:
  PrivateUmask() : before_(umask(0077)) {}
  ~PrivateUmask() { umask(before_); }
  PrivateUmask(const PrivateUmask&) = delete;
  PrivateUmask& operator=(const PrivateUmask&) = delete;

 private:
  const mode_t before_;
};

}  // namespace

ListeningServer::ListeningServer(std::shared_ptr<ServiceHost> host, Gate::Transport transport,
                                 HostedWorkspace* default_workspace)
    : host_(std::move(host)), gate_(host_.get(), transport, default_workspace) {
  services_.push_back(std::make_unique<AgentService>(host_, &gate_));
  services_.push_back(std::make_unique<TicketService>(host_, &gate_));
  services_.push_back(std::make_unique<RepositoryService>(host_, &gate_));
  services_.push_back(std::make_unique<EventService>(host_, &gate_));
  services_.push_back(std::make_unique<HubService>(host_, &gate_));
  for (const auto* descriptor : LaterServices()) {
    services_.push_back(std::make_unique<BoundService>(descriptor, host_, &gate_));
  }
}

ListeningServer::~ListeningServer() { Shutdown(absl::ZeroDuration()); }

absl::StatusOr<std::unique_ptr<ListeningServer>> ListeningServer::OnSocket(
    std::shared_ptr<ServiceHost> host, HostedWorkspace* workspace) {
  const std::string& path = workspace->served.socket_path;
  COORDHUB_RETURN_IF_ERROR(ClearSocketPath(path));
  std::unique_ptr<ListeningServer> server(
      new ListeningServer(std::move(host), Gate::Transport::kUnix, workspace));
  {
    // Nobody else may connect between the socket's making and its chmod.
    const PrivateUmask only_ours;
    COORDHUB_RETURN_IF_ERROR(server->Serve(base::GrpcTargetOf(absl::StrCat("unix:", path))));
  }
  if (chmod(path.c_str(), 0600) != 0) return base::MakeIoError("chmod", path, errno);
  return server;
}

absl::StatusOr<std::unique_ptr<ListeningServer>> ListeningServer::OnTcp(
    std::shared_ptr<ServiceHost> host, const TcpAddress& address) {
  if (address.port != 0) COORDHUB_RETURN_IF_ERROR(CheckFree(address));
  HostedWorkspace* only =
      host->workspaces().size() == 1 ? host->workspaces().front().get() : nullptr;
  std::unique_ptr<ListeningServer> server(
      new ListeningServer(std::move(host), Gate::Transport::kTcp, only));
  COORDHUB_RETURN_IF_ERROR(server->Serve(address.Target()));
  return server;
}

absl::Status ListeningServer::Serve(const std::string& target) {
  EnableReflection();
  grpc::ServerBuilder builder;
  SetServerArguments(gate_.transport(), &builder);
  int port = 0;
  builder.AddListeningPort(target, grpc::InsecureServerCredentials(), &port);
  for (const auto& service : services_) builder.RegisterService(service.get());
  builder.RegisterService(&health_);
  builder.RegisterAsyncGenericService(unknown_methods_.service());
  queue_ = std::make_unique<CallQueue>(&builder);
  server_ = builder.BuildAndStart();
  if (server_ == nullptr) {
    return base::MakeError(base::pb::ERROR_REASON_IO_FAILED,
                           absl::StrCat("cannot listen on ", target),
                           {{"operation", "listen on"}, {"path", target}});
  }
  if (target.rfind("unix:", 0) != 0) tcp_port_ = port;
  for (const auto& service : services_) health_.SetServing(service->full_name(), true);
  for (const auto& workspace : host_->workspaces()) {
    if (workspace->served.loops == nullptr) continue;
    loop_health_.push_back(std::make_unique<LoopHealth>(host_.get(), workspace.get(), &health_));
  }
  AcceptCalls();
  return absl::OkStatus();
}

void ListeningServer::AcceptCalls() {
  for (const auto& service : services_) service->Accept(queue_.get());
  health_.Accept(queue_.get());
  unknown_methods_.Accept(queue_.get());
  queue_->Start();
  LendThread([queue = queue_.get()](std::function<void()>&& task) {
    return queue->Post(std::move(task));
  });
}

void ListeningServer::LendThread(const engine::LentThread::Runner& runner) {
  // The last server's, where there are several: any will do.
  host_->timer().lent_thread().Lend(runner);
  for (const auto& workspace : host_->workspaces()) {
    workspace->engine().broadcaster().lent_thread().Lend(runner);
  }
}

void ListeningServer::Shutdown(absl::Duration grace) {
  if (server_ == nullptr) return;
  LendThread(nullptr);
  // On the monotonic clock: without a deadline, an open stream would hold it for ever.
  server_->Shutdown(
      gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                   gpr_time_from_nanos(absl::ToInt64Nanoseconds(grace), GPR_TIMESPAN)));
  queue_->Stop();
}

}  // namespace coordhub::rpc
