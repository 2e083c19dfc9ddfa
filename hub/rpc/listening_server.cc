#include "hub/rpc/listening_server.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "coordhub/v1/message_service.pb.h"
#include "coordhub/v1/operation_service.pb.h"
#include "coordhub/v1/reservation_service.pb.h"
#include "grpcpp/server_builder.h"
#include "hub/rpc/agent_service.h"
#include "hub/rpc/convergence_service.h"
#include "hub/rpc/event_service.h"
#include "hub/rpc/hub_service.h"
#include "hub/rpc/operation_service.h"
#include "hub/rpc/repository_service.h"
#include "hub/rpc/server_arguments.h"
#include "hub/rpc/ticket_service.h"

namespace coordhub::rpc {
namespace {

// Of health: not serving while connections are turned away.
constexpr char kConnectionsHealthName[] = "coordhub.connections";

// The services that this version does not implement, whole.
std::vector<const google::protobuf::ServiceDescriptor*> LaterServices() {
  return {v1::AcquireReservationRequest::descriptor()->file()->service(0),
          v1::SendMessageRequest::descriptor()->file()->service(0)};
}

}  // namespace

ListeningServer::ListeningServer(std::shared_ptr<ServiceHost> host, Gate::Transport transport,
                                 HostedWorkspace* default_workspace)
    : host_(std::move(host)), gate_(host_.get(), transport, default_workspace), health_(&gate_) {
  services_.push_back(std::make_unique<AgentService>(host_, &gate_));
  services_.push_back(std::make_unique<TicketService>(host_, &gate_));
  services_.push_back(std::make_unique<RepositoryService>(host_, &gate_));
  services_.push_back(std::make_unique<EventService>(host_, &gate_));
  services_.push_back(std::make_unique<HubService>(host_, &gate_));
  services_.push_back(std::make_unique<OperationService>(host_, &gate_));
  services_.push_back(std::make_unique<ConvergenceService>(host_, &gate_));
  for (const auto* descriptor : LaterServices()) {
    services_.push_back(std::make_unique<BoundService>(descriptor, host_, &gate_));
  }
  std::vector<std::string> names = {health_.full_name(), ReflectionService::V1()->full_name(),
                                    ReflectionService::V1Alpha()->full_name()};
  for (const auto& service : services_) names.push_back(service->full_name());
  for (const auto* version : {ReflectionService::V1(), ReflectionService::V1Alpha()}) {
    reflection_.push_back(std::make_unique<ReflectionService>(version, host_, &gate_, names));
  }
}

ListeningServer::~ListeningServer() { Shutdown(absl::ZeroDuration()); }

absl::StatusOr<std::unique_ptr<ListeningServer>> ListeningServer::OnSocket(
    std::shared_ptr<ServiceHost> host, HostedWorkspace* workspace) {
  const std::string& path = workspace->served.socket_path;
  COORDHUB_ASSIGN_OR_RETURN(ListeningSocket listening, ListenOnPath(path));
  std::unique_ptr<ListeningServer> server(
      new ListeningServer(std::move(host), Gate::Transport::kUnix, workspace));
  server->socket_file_ = SocketFile(path);
  COORDHUB_RETURN_IF_ERROR(server->Serve(std::move(listening), path));
  return server;
}

absl::StatusOr<std::unique_ptr<ListeningServer>> ListeningServer::OnTcp(
    std::shared_ptr<ServiceHost> host, const TcpAddress& address) {
  COORDHUB_ASSIGN_OR_RETURN(ListeningSocket listening, ListenOnTcp(address));
  HostedWorkspace* only =
      host->workspaces().size() == 1 ? host->workspaces().front().get() : nullptr;
  std::unique_ptr<ListeningServer> server(
      new ListeningServer(std::move(host), Gate::Transport::kTcp, only));
  server->tcp_port_ = listening.port;
  COORDHUB_RETURN_IF_ERROR(server->Serve(std::move(listening), address.Target()));
  return server;
}

absl::Status ListeningServer::Serve(ListeningSocket listening, const std::string& address) {
  grpc::ServerBuilder builder;
  SetServerArguments(gate_.transport(), &builder);
  connections_ = builder.experimental().AddExternalConnectionAcceptor(
      grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
      grpc::InsecureServerCredentials());
  for (const auto& service : services_) builder.RegisterService(service.get());
  builder.RegisterService(&health_);
  for (const auto& service : reflection_) builder.RegisterService(service.get());
  builder.RegisterAsyncGenericService(unknown_methods_.service());
  queue_ = std::make_unique<CallQueue>(&builder);
  server_ = builder.BuildAndStart();
  if (server_ == nullptr) {
    return base::MakeError(base::pb::ERROR_REASON_IO_FAILED,
                           absl::StrCat("cannot serve at ", address),
                           {{"operation", "serve at"}, {"path", address}});
  }
  for (const auto& service : services_) health_.SetServing(service->full_name(), true);
  for (const auto& workspace : host_->workspaces()) {
    if (workspace->served.loops == nullptr) continue;
    loop_health_.push_back(std::make_unique<LoopHealth>(host_.get(), workspace.get(), &health_));
  }
  AcceptCalls();
  return LetIn(std::move(listening.fd), address);
}

absl::Status ListeningServer::LetIn(base::UniqueFd listener, const std::string& address) {
  health_.SetServing(kConnectionsHealthName, true);
  auto share = Doorkeeper::Share::kAll;
  Doorkeeper::Admit admit = [this](int connection) { Admit(connection); };
  if (gate_.transport() == Gate::Transport::kTcp) {
    share = Doorkeeper::Share::kHalf;
    guard_ = std::make_unique<WireGuard>(WireBounds(), std::move(admit));
    COORDHUB_RETURN_IF_ERROR(guard_->Start());
    admit = [this](int connection) { guard_->Add(base::UniqueFd(connection)); };
  }
  doorkeeper_ = std::make_unique<Doorkeeper>(
      std::move(listener), address, share, std::move(admit),
      [this](bool has_room) { health_.SetServing(kConnectionsHealthName, has_room); });
  return doorkeeper_->Start();
}

void ListeningServer::Admit(int connection) {
  grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters parameters;
  parameters.fd = connection;
  connections_->HandleNewConnection(&parameters);
}

void ListeningServer::AcceptCalls() {
  for (const auto& service : services_) service->Accept(queue_.get());
  health_.Accept(queue_.get());
  for (const auto& service : reflection_) service->Accept(queue_.get());
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
  if (doorkeeper_ != nullptr) doorkeeper_->Stop();
  socket_file_.Remove();
  if (server_ == nullptr) return;
  LendThread(nullptr);
  // On the monotonic clock: without a deadline, an open stream would hold it for ever.
  server_->Shutdown(
      gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                   gpr_time_from_nanos(absl::ToInt64Nanoseconds(grace), GPR_TIMESPAN)));
  queue_->Stop();
  if (guard_ != nullptr) guard_->Stop();
}

}  // namespace coordhub::rpc
