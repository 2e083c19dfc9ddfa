#include "hub/rpc/agent_service.h"

#include <algorithm>
#include <string>
#include <utility>

#include "agent/base/error.h"
#include "agent/base/session_token.h"
#include "agent/base/status_macros.h"
#include "hub/core/decide/refusals.h"
#include "hub/rpc/keep_alive_reactor.h"
#include "hub/rpc/paging.h"

namespace coordhub::rpc {
namespace {

void AddClaims(const CallScope& scope, const core::View& view, const std::string& agent_id,
               google::protobuf::RepeatedPtrField<v1::HeldClaim>* claims) {
  for (v1::HeldClaim& claim : scope.engine().ClaimsOf(view, agent_id)) {
    *claims->Add() = std::move(claim);
  }
}

// A resume that said nothing new has no commit: the caller's own agent, as it is.
absl::StatusOr<v1::RegisterAgentResponse> Unchanged(const Committed& committed) {
  const v1::Agent* agent =
      committed.view->records.FindSessionEver(committed.scope.principal.session_uid);
  if (agent == nullptr) return SessionEnded(committed.scope, "");
  v1::RegisterAgentResponse response;
  *response.mutable_agent() = *agent;
  response.set_revision(committed.outcome.revision);
  return response;
}

absl::StatusOr<v1::RegisterAgentResponse> AnswerRegister(const Committed& committed) {
  v1::RegisterAgentResponse response;
  if (committed.outcome.events.empty()) {
    COORDHUB_ASSIGN_OR_RETURN(response, Unchanged(committed));
  } else {
    response = core::RegisterAgentResponseOf(committed.outcome.events);
  }
  if (committed.outcome.resumed) response.set_resumed(true);
  // Made from the session's uid in the event: a repeated request gets the same token.
  const std::string& uid = response.agent().session_uid();
  response.set_session_token(base::MintSessionToken(committed.scope.workspace->served.key, uid));
  const std::string& agent_id = response.agent().agent_id();
  const v1::Agent* now = committed.view->records.FindAgent(agent_id);
  if (now != nullptr && now->session_uid() == uid) {
    AddClaims(committed.scope, *committed.view, agent_id, response.mutable_claims());
  }
  CompleteResponse(committed.scope, *committed.view, &response);
  return response;
}

absl::Status GetAgent(const Reading& reading, const v1::GetAgentRequest& request,
                      v1::GetAgentResponse* response) {
  const Principal& principal = reading.scope.principal;
  std::string agent_id = request.agent_id();
  if (agent_id.empty()) {
    if (principal.is_operator()) {
      return base::MakeFieldError("agent_id", "must be given by a caller that is no agent");
    }
    agent_id = reading.scope.engine().AgentOfSession(principal.session_uid);
    if (agent_id.empty()) return SessionEnded(reading.scope, "");
  }
  const v1::Agent* agent = reading.view->records.FindAgent(agent_id);
  if (agent == nullptr) return core::AgentNotFound(agent_id);
  *response->mutable_agent() = *agent;
  CompleteResponse(reading.scope, *reading.view, response);
  if (principal.is_operator() || agent->session_uid() == principal.session_uid) {
    AddClaims(reading.scope, *reading.view, agent_id, response->mutable_claims());
  }
  response->set_revision(reading.view->revision);
  return absl::OkStatus();
}

absl::Status ListAgents(const Reading& reading, const v1::ListAgentsRequest& request,
                        v1::ListAgentsResponse* response) {
  const std::string query = QueryOf(request);
  HostedWorkspace* workspace = reading.scope.workspace;
  COORDHUB_ASSIGN_OR_RETURN(const PageStart start,
                            BeginPage(workspace, reading.view, request.page_token(), query));
  PageBudget budget(request.page_size());
  std::string last = start.after_key;
  auto at = start.view->records.of<core::tables::Agents>().UpperBound(last);
  for (; at.Valid() && budget.Look(); at.Next()) {
    last = at.key();
    v1::Agent agent = *at;
    workspace->engine().Decorate(*start.view, &agent);  // SUSPECT is computed
    if (!request.states().empty() && std::find(request.states().begin(), request.states().end(),
                                               agent.state()) == request.states().end()) {
      continue;
    }
    budget.Take(agent);
    *response->add_agents() = std::move(agent);
  }
  if (at.Valid()) response->set_next_page_token(NextPage(workspace, start, last, query));
  response->set_revision(start.view->revision);
  return absl::OkStatus();
}

}  // namespace

AgentService::AgentService(std::shared_ptr<ServiceHost> host, const Gate* gate)
    : TypedService(
          v1::RegisterAgentRequest::descriptor()->file()->FindServiceByName("AgentService"),
          std::move(host), gate) {
  BindMutation<v1::RegisterAgentRequest>("RegisterAgent", AnswerRegister);
  BindMutation<v1::DeregisterAgentRequest>("DeregisterAgent",
                                           FromCommit(core::DeregisterAgentResponseOf));
  BindRead<v1::GetAgentRequest, v1::GetAgentResponse>("GetAgent", ReadCost::kLookup, GetAgent);
  BindRead<v1::ListAgentsRequest, v1::ListAgentsResponse>("ListAgents", ReadCost::kWalk,
                                                          ListAgents);
  BindStream("KeepAlive",
             [this](std::unique_ptr<StreamServerCall> call, const Principal& principal) {
               KeepAliveReactor::Start(this->host(), &this->gate(), std::move(call), principal);
             });
}

}  // namespace coordhub::rpc
