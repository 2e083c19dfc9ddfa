// The hub as an agent's program calls it: one method a verb.
//
//   ASSIGN(Client client, Client::Connect({.endpoint = "unix:/…/hub.sock"}));
//   pb::CreateTicketRequest request;
//   request.mutable_spec()->set_title("Speed up the parser");
//   StatusOr<pb::CreateTicketResponse> created = client.CreateTicket(request);
//
// To work as an agent, begin a Session (session.h) and use its client(). To follow what happens,
// open a Watch (watch.h).

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/client/claim_ledger.h"
#include "agent/client/connection.h"
#include "agent/client/options.h"
#include "coordhub/v1/agent_service.pb.h"
#include "coordhub/v1/event_service.pb.h"
#include "coordhub/v1/hub_service.pb.h"
#include "coordhub/v1/repository_service.pb.h"
#include "coordhub/v1/ticket_service.pb.h"

namespace coordhub::agent {

// Cheap to copy: copies share one connection. Thread-safe. Every call blocks its caller.
//
// Each call fills in `workspace_id` and, for a mutation, `request_id` where the request leaves them
// empty, and is then repeated under that id while the hub cannot be reached, through restarts of
// the hub, until ClientOptions::timeout has passed. So a mutation that returns OK happened exactly
// once.
//
// Errors of every call, beside those that the contract names for it:
//   UNAVAILABLE/HUB_UNREACHABLE  no hub answered in all that time; a mutation may have happened.
//   UNAVAILABLE/HUB_DRAINING     the hub stops, and no other took its place.
//   DEADLINE_EXCEEDED            the hub took too long; a mutation may have happened.
//   RESOURCE_EXHAUSTED           a stated limit, or (by RetryPolicy) a busy hub or a full disk.
//   UNAUTHENTICATED              SESSION_ENDED: the session is over, and its claims with it;
//                                TOKEN_INVALID, TOKEN_REQUIRED.
//   CANCELLED                    Shutdown was called.
class Client {
 public:
  // Does not call the hub yet; the first call finds out whether it is there.
  //
  // Errors:
  //   INVALID_ARGUMENT/INVALID_FIELD  neither `endpoint` nor `resolve` is given.
  //   what `resolve` returns, where it is asked.
  static absl::StatusOr<Client> Connect(ClientOptions options);
  // The same over another transport.
  static Client Over(ClientOptions options, std::unique_ptr<Transport> transport);

  // A client that calls as somebody else, on the same connection.
  Client As(Credentials credentials) const;

  const Credentials& credentials() const { return credentials_; }
  const std::string& workspace_id() const { return workspace_id_; }
  Connection& connection() const { return *connection_; }
  // What this client's calls have claimed and not ended. Never null.
  const std::shared_ptr<ClaimLedger>& ledger() const { return ledger_; }

  // Ends every call, Session and Watch of this connection, of all its copies, now and for ever.
  void Shutdown() const { connection_->Shutdown(); }

  // Agents. To register, use Session.
  absl::StatusOr<pb::RegisterAgentResponse> RegisterAgent(pb::RegisterAgentRequest request) const;
  absl::StatusOr<pb::DeregisterAgentResponse> DeregisterAgent(
      pb::DeregisterAgentRequest request) const;
  absl::StatusOr<pb::GetAgentResponse> GetAgent(pb::GetAgentRequest request) const;
  absl::StatusOr<pb::ListAgentsResponse> ListAgents(pb::ListAgentsRequest request) const;

  // Tickets.
  absl::StatusOr<pb::CreateTicketResponse> CreateTicket(pb::CreateTicketRequest request) const;
  absl::StatusOr<pb::BatchCreateTicketsResponse> BatchCreateTickets(
      pb::BatchCreateTicketsRequest request) const;
  absl::StatusOr<pb::GetTicketResponse> GetTicket(pb::GetTicketRequest request) const;
  absl::StatusOr<pb::ListTicketsResponse> ListTickets(pb::ListTicketsRequest request) const;
  absl::StatusOr<pb::UpdateTicketResponse> UpdateTicket(pb::UpdateTicketRequest request) const;
  absl::StatusOr<pb::ClaimTicketResponse> ClaimTicket(pb::ClaimTicketRequest request) const;
  // May take the request's `wait` longer than other calls. No work in time is no error: the answer
  // then has no ticket. While it waits the session needs to be kept alive (Session does).
  absl::StatusOr<pb::ClaimNextTicketResponse> ClaimNextTicket(
      pb::ClaimNextTicketRequest request) const;
  absl::StatusOr<pb::RenewClaimResponse> RenewClaim(pb::RenewClaimRequest request) const;
  absl::StatusOr<pb::ReleaseTicketResponse> ReleaseTicket(pb::ReleaseTicketRequest request) const;
  absl::StatusOr<pb::CompleteTicketResponse> CompleteTicket(
      pb::CompleteTicketRequest request) const;
  absl::StatusOr<pb::FailTicketResponse> FailTicket(pb::FailTicketRequest request) const;
  absl::StatusOr<pb::CancelTicketResponse> CancelTicket(pb::CancelTicketRequest request) const;
  absl::StatusOr<pb::ReopenTicketResponse> ReopenTicket(pb::ReopenTicketRequest request) const;
  absl::StatusOr<pb::AddCommentResponse> AddComment(pb::AddCommentRequest request) const;
  absl::StatusOr<pb::UpdateProgressResponse> UpdateProgress(
      pb::UpdateProgressRequest request) const;

  // Past events, by pages. To follow new ones, use Watch.
  absl::StatusOr<pb::ListEventsResponse> ListEvents(pb::ListEventsRequest request) const;

  // The hub itself.
  absl::StatusOr<pb::GetHubResponse> GetHub(pb::GetHubRequest request) const;
  absl::StatusOr<pb::ListWorkspacesResponse> ListWorkspaces(
      pb::ListWorkspacesRequest request) const;
  absl::StatusOr<pb::ListLoopsResponse> ListLoops(pb::ListLoopsRequest request) const;
  // These three go over the whole journal and may take minutes, whatever ClientOptions::timeout
  // says.
  absl::StatusOr<pb::CompactWorkspaceResponse> CompactWorkspace(
      pb::CompactWorkspaceRequest request) const;
  absl::StatusOr<pb::BackupWorkspaceResponse> BackupWorkspace(
      pb::BackupWorkspaceRequest request) const;
  absl::StatusOr<pb::VerifyWorkspaceResponse> VerifyWorkspace(
      pb::VerifyWorkspaceRequest request) const;
  // These two wait for git, as long as they must.
  absl::StatusOr<pb::CreateWorktreeResponse> CreateWorktree(
      pb::CreateWorktreeRequest request) const;
  absl::StatusOr<pb::RemoveWorktreeResponse> RemoveWorktree(
      pb::RemoveWorktreeRequest request) const;
  absl::StatusOr<pb::DrainHubResponse> DrainHub(pb::DrainHubRequest request) const;

  // Any other unary call of the contract, by its full name ("/coordhub.v1.HubService/StepLoop"),
  // with all that is said above.
  template <class Response, class Request>
  absl::StatusOr<Response> Call(const char* method, Request request) const {
    return CallFor<Response>(method, std::move(request), connection_->timeout());
  }

 private:
  Client(std::shared_ptr<Connection> connection, std::string workspace_id, Credentials credentials);

  // Fills in what the request leaves empty.
  template <class Request>
  void FillIn(Request* request) const {
    if constexpr (requires { request->set_workspace_id(""); }) {
      if (request->workspace_id().empty()) request->set_workspace_id(workspace_id_);
    }
    if constexpr (requires { request->set_request_id(""); }) {
      if (request->request_id().empty()) request->set_request_id(connection_->NewRequestId());
    }
  }

  template <class Response, class Request>
  absl::StatusOr<Response> CallFor(const char* method, Request request,
                                   absl::Duration timeout) const {
    FillIn(&request);
    Response response;
    const absl::Status status =
        connection_->Call(method, request, &response, credentials_, timeout);
    if (!status.ok()) return status;
    return response;
  }

  std::shared_ptr<Connection> connection_;
  std::string workspace_id_;
  Credentials credentials_;
  std::shared_ptr<ClaimLedger> ledger_;
};

// All pages of a listing; at most `limit` items (0: all). Begins again when the hub no longer holds
// the pages (PAGE_TOKEN_EXPIRED), so the result is always of one revision.
struct TicketListing {
  std::vector<pb::Ticket> tickets;
  int64_t revision = 0;
};
absl::StatusOr<TicketListing> ListAllTickets(const Client& client,
                                             const pb::ListTicketsRequest& request,
                                             size_t limit = 0);
struct AgentListing {
  std::vector<pb::Agent> agents;
  int64_t revision = 0;
};
absl::StatusOr<AgentListing> ListAllAgents(const Client& client,
                                           const pb::ListAgentsRequest& request, size_t limit = 0);

}  // namespace coordhub::agent
