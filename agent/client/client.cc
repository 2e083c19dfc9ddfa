#include "agent/client/client.h"

#include <algorithm>
#include <utility>

#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "agent/client/grpc_transport.h"
#include "agent/client/proto_time.h"

namespace coordhub::agent {
namespace {

// Longest that a call made only to learn what an earlier one did may take.
constexpr absl::Duration kConfirmTimeout = absl::Seconds(2);
// What a call over the whole journal may take.
constexpr absl::Duration kMaintenanceTimeout = absl::Minutes(15);

void SetDefaults(ClientOptions* options) {
  static base::SystemClock& clock = *new base::SystemClock;  // never destroyed
  static base::SystemIdSource& ids = *new base::SystemIdSource;
  if (options->clock == nullptr) options->clock = &clock;
  if (options->ids == nullptr) options->ids = &ids;
}

}  // namespace

Client::Client(std::shared_ptr<Connection> connection, std::string workspace_id,
               Credentials credentials)
    : connection_(std::move(connection)),
      workspace_id_(std::move(workspace_id)),
      credentials_(std::move(credentials)),
      ledger_(std::make_shared<ClaimLedger>()) {}

absl::StatusOr<Client> Client::Connect(ClientOptions options) {
  if (options.endpoint.empty()) {
    if (options.resolve == nullptr) {
      return base::MakeFieldError("endpoint", "must not be empty without `resolve`");
    }
    COORDHUB_ASSIGN_OR_RETURN(options.endpoint, options.resolve());
  }
  auto transport = std::make_unique<GrpcTransport>(options.endpoint, options.resolve);
  return Over(std::move(options), std::move(transport));
}

Client Client::Over(ClientOptions options, std::unique_ptr<Transport> transport) {
  SetDefaults(&options);
  if (options.credentials.client_id.empty()) options.credentials.client_id = options.ids->NewUid();
  auto connection = std::make_shared<Connection>(options, std::move(transport));
  return Client(std::move(connection), std::move(options.workspace_id),
                std::move(options.credentials));
}

Client Client::As(Credentials credentials) const {
  if (credentials.client_id.empty()) credentials.client_id = credentials_.client_id;
  return Client(connection_, workspace_id_, std::move(credentials));
}

absl::StatusOr<pb::RegisterAgentResponse> Client::RegisterAgent(
    pb::RegisterAgentRequest request) const {
  return Call<pb::RegisterAgentResponse>("/coordhub.v1.AgentService/RegisterAgent",
                                         std::move(request));
}

absl::StatusOr<pb::DeregisterAgentResponse> Client::DeregisterAgent(
    pb::DeregisterAgentRequest request) const {
  return Call<pb::DeregisterAgentResponse>("/coordhub.v1.AgentService/DeregisterAgent",
                                           std::move(request));
}

absl::StatusOr<pb::GetAgentResponse> Client::GetAgent(pb::GetAgentRequest request) const {
  return Call<pb::GetAgentResponse>("/coordhub.v1.AgentService/GetAgent", std::move(request));
}

absl::StatusOr<pb::ListAgentsResponse> Client::ListAgents(pb::ListAgentsRequest request) const {
  return Call<pb::ListAgentsResponse>("/coordhub.v1.AgentService/ListAgents", std::move(request));
}

absl::StatusOr<pb::CreateTicketResponse> Client::CreateTicket(
    pb::CreateTicketRequest request) const {
  return Call<pb::CreateTicketResponse>("/coordhub.v1.TicketService/CreateTicket",
                                        std::move(request));
}

absl::StatusOr<pb::BatchCreateTicketsResponse> Client::BatchCreateTickets(
    pb::BatchCreateTicketsRequest request) const {
  return Call<pb::BatchCreateTicketsResponse>("/coordhub.v1.TicketService/BatchCreateTickets",
                                              std::move(request));
}

absl::StatusOr<pb::GetTicketResponse> Client::GetTicket(pb::GetTicketRequest request) const {
  return Call<pb::GetTicketResponse>("/coordhub.v1.TicketService/GetTicket", std::move(request));
}

absl::StatusOr<pb::ListTicketsResponse> Client::ListTickets(pb::ListTicketsRequest request) const {
  return Call<pb::ListTicketsResponse>("/coordhub.v1.TicketService/ListTickets",
                                       std::move(request));
}

absl::StatusOr<pb::UpdateTicketResponse> Client::UpdateTicket(
    pb::UpdateTicketRequest request) const {
  return Call<pb::UpdateTicketResponse>("/coordhub.v1.TicketService/UpdateTicket",
                                        std::move(request));
}

absl::StatusOr<pb::ClaimTicketResponse> Client::ClaimTicket(pb::ClaimTicketRequest request) const {
  const ClaimLedger::CallInFlight in_flight(ledger_.get(), "");
  auto response =
      Call<pb::ClaimTicketResponse>("/coordhub.v1.TicketService/ClaimTicket", std::move(request));
  if (response.ok()) {
    ledger_->Granted(response->ticket().ticket_id(), response->ticket().claim().fence());
  }
  return response;
}

absl::StatusOr<pb::ClaimNextTicketResponse> Client::ClaimNextTicket(
    pb::ClaimNextTicketRequest request) const {
  static constexpr char kMethod[] = "/coordhub.v1.TicketService/ClaimNextTicket";
  const ClaimLedger::CallInFlight in_flight(ledger_.get(), "");
  FillIn(&request);
  const absl::Duration wait = FromProto(request.wait());
  auto response =
      CallFor<pb::ClaimNextTicketResponse>(kMethod, request, connection_->timeout() + wait);
  if (response.status().code() == absl::StatusCode::kDeadlineExceeded &&
      wait > absl::ZeroDuration()) {
    // The hub was lost meanwhile and the wait began anew in the next one, so that our time ended
    // first. The request_id tells whether a ticket was granted in the last moment; if none was,
    // this is the ordinary end of a wait.
    response = CallFor<pb::ClaimNextTicketResponse>(kMethod, request, kConfirmTimeout);
    if (response.status().code() == absl::StatusCode::kDeadlineExceeded) {
      response = pb::ClaimNextTicketResponse();
      response->mutable_no_work();
    }
  }
  if (response.ok() && response->has_ticket()) {
    ledger_->Granted(response->ticket().ticket_id(), response->ticket().claim().fence());
  }
  return response;
}

absl::StatusOr<pb::RenewClaimResponse> Client::RenewClaim(pb::RenewClaimRequest request) const {
  return Call<pb::RenewClaimResponse>("/coordhub.v1.TicketService/RenewClaim", std::move(request));
}

absl::StatusOr<pb::ReleaseTicketResponse> Client::ReleaseTicket(
    pb::ReleaseTicketRequest request) const {
  const ClaimLedger::CallInFlight in_flight(ledger_.get(), request.ticket_id());
  auto response = Call<pb::ReleaseTicketResponse>("/coordhub.v1.TicketService/ReleaseTicket",
                                                  std::move(request));
  if (response.ok()) ledger_->Ended(response->ticket().ticket_id(), response->revision());
  return response;
}

absl::StatusOr<pb::CompleteTicketResponse> Client::CompleteTicket(
    pb::CompleteTicketRequest request) const {
  const ClaimLedger::CallInFlight in_flight(ledger_.get(), request.ticket_id());
  auto response = Call<pb::CompleteTicketResponse>("/coordhub.v1.TicketService/CompleteTicket",
                                                   std::move(request));
  if (response.ok()) ledger_->Ended(response->ticket().ticket_id(), response->revision());
  return response;
}

absl::StatusOr<pb::FailTicketResponse> Client::FailTicket(pb::FailTicketRequest request) const {
  const ClaimLedger::CallInFlight in_flight(ledger_.get(), request.ticket_id());
  auto response =
      Call<pb::FailTicketResponse>("/coordhub.v1.TicketService/FailTicket", std::move(request));
  if (response.ok()) ledger_->Ended(response->ticket().ticket_id(), response->revision());
  return response;
}

absl::StatusOr<pb::CancelTicketResponse> Client::CancelTicket(
    pb::CancelTicketRequest request) const {
  const ClaimLedger::CallInFlight in_flight(ledger_.get(), request.ticket_id());
  auto response =
      Call<pb::CancelTicketResponse>("/coordhub.v1.TicketService/CancelTicket", std::move(request));
  if (response.ok()) ledger_->Ended(response->ticket().ticket_id(), response->revision());
  return response;
}

absl::StatusOr<pb::ReopenTicketResponse> Client::ReopenTicket(
    pb::ReopenTicketRequest request) const {
  return Call<pb::ReopenTicketResponse>("/coordhub.v1.TicketService/ReopenTicket",
                                        std::move(request));
}

absl::StatusOr<pb::AddCommentResponse> Client::AddComment(pb::AddCommentRequest request) const {
  return Call<pb::AddCommentResponse>("/coordhub.v1.TicketService/AddComment", std::move(request));
}

absl::StatusOr<pb::UpdateProgressResponse> Client::UpdateProgress(
    pb::UpdateProgressRequest request) const {
  return Call<pb::UpdateProgressResponse>("/coordhub.v1.TicketService/UpdateProgress",
                                          std::move(request));
}

absl::StatusOr<pb::ListEventsResponse> Client::ListEvents(pb::ListEventsRequest request) const {
  return Call<pb::ListEventsResponse>("/coordhub.v1.EventService/ListEvents", std::move(request));
}

absl::StatusOr<pb::GetHubResponse> Client::GetHub(pb::GetHubRequest request) const {
  return Call<pb::GetHubResponse>("/coordhub.v1.HubService/GetHub", std::move(request));
}

absl::StatusOr<pb::ListWorkspacesResponse> Client::ListWorkspaces(
    pb::ListWorkspacesRequest request) const {
  return Call<pb::ListWorkspacesResponse>("/coordhub.v1.HubService/ListWorkspaces",
                                          std::move(request));
}

absl::StatusOr<pb::ListLoopsResponse> Client::ListLoops(pb::ListLoopsRequest request) const {
  return Call<pb::ListLoopsResponse>("/coordhub.v1.HubService/ListLoops", std::move(request));
}

absl::StatusOr<pb::CompactWorkspaceResponse> Client::CompactWorkspace(
    pb::CompactWorkspaceRequest request) const {
  return CallFor<pb::CompactWorkspaceResponse>(
      "/coordhub.v1.HubService/CompactWorkspace", std::move(request),
      std::max(connection_->timeout(), kMaintenanceTimeout));
}

absl::StatusOr<pb::BackupWorkspaceResponse> Client::BackupWorkspace(
    pb::BackupWorkspaceRequest request) const {
  return CallFor<pb::BackupWorkspaceResponse>(
      "/coordhub.v1.HubService/BackupWorkspace", std::move(request),
      std::max(connection_->timeout(), kMaintenanceTimeout));
}

absl::StatusOr<pb::VerifyWorkspaceResponse> Client::VerifyWorkspace(
    pb::VerifyWorkspaceRequest request) const {
  return CallFor<pb::VerifyWorkspaceResponse>(
      "/coordhub.v1.HubService/VerifyWorkspace", std::move(request),
      std::max(connection_->timeout(), kMaintenanceTimeout));
}

absl::StatusOr<pb::CreateWorktreeResponse> Client::CreateWorktree(
    pb::CreateWorktreeRequest request) const {
  return CallFor<pb::CreateWorktreeResponse>("/coordhub.v1.RepositoryService/CreateWorktree",
                                             std::move(request),
                                             std::max(connection_->timeout(), kMaintenanceTimeout));
}

absl::StatusOr<pb::RemoveWorktreeResponse> Client::RemoveWorktree(
    pb::RemoveWorktreeRequest request) const {
  return CallFor<pb::RemoveWorktreeResponse>("/coordhub.v1.RepositoryService/RemoveWorktree",
                                             std::move(request),
                                             std::max(connection_->timeout(), kMaintenanceTimeout));
}

absl::StatusOr<pb::DrainHubResponse> Client::DrainHub(pb::DrainHubRequest request) const {
  return Call<pb::DrainHubResponse>("/coordhub.v1.HubService/DrainHub", std::move(request));
}

}  // namespace coordhub::agent
