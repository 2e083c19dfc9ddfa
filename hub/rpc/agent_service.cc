#include "hub/rpc/agent_service.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
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
      committed.view->records.FindSessionEver(committed.scope.principal.session_uid());
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
    if (!principal.is_agent()) {
      return base::MakeFieldError("agent_id", "must be given by a caller that is no agent");
    }
    agent_id = reading.scope.engine().AgentOfSession(principal.session_uid());
    if (agent_id.empty()) return SessionEnded(reading.scope, "");
  }
  const v1::Agent* agent = reading.view->records.FindAgent(agent_id);
  if (agent == nullptr) return core::AgentNotFound(agent_id);
  *response->mutable_agent() = *agent;
  CompleteResponse(reading.scope, *reading.view, response);
  if (principal.is_operator() || agent->session_uid() == principal.session_uid()) {
    AddClaims(reading.scope, *reading.view, agent_id, response->mutable_claims());
  }
  response->set_revision(reading.view->revision);
  return absl::OkStatus();
}

// Calls `look(key, agent)` with the agents after the one with this key, in the order asked for,
// until it returns false. Empty: from the first.
template <class Look>
void WalkByName(const core::Records& records, bool descending, const std::string& last,
                const Look& look) {
  const auto& agents = records.of<core::tables::Agents>();
  auto at = !descending    ? agents.UpperBound(last)
            : last.empty() ? agents.Last()
                           : agents.Before(last);
  for (; at.Valid() && look(at.key(), *at); descending ? at.Prev() : at.Next()) {
  }
}

// The same, by the revision at which an agent's session began, of which no two have the same.
template <class Look>
absl::Status WalkByRegistration(const core::Records& records, bool descending,
                                const std::string& last, const Look& look) {
  int64_t after = descending ? std::numeric_limits<int64_t>::max() : 0;
  if (!last.empty() && !absl::SimpleAtoi(last, &after)) {
    return base::MakeError(base::pb::ERROR_REASON_PAGE_TOKEN_INVALID, "page_token is malformed");
  }
  const auto leads = [descending](int64_t fence, int64_t other) {
    return descending ? fence > other : fence < other;
  };
  std::vector<const v1::Agent*> ahead;
  for (auto at = records.of<core::tables::Agents>().Begin(); at.Valid(); at.Next()) {
    if (leads(after, at->fence())) ahead.push_back(&*at);
  }
  std::sort(ahead.begin(), ahead.end(), [&](const v1::Agent* one, const v1::Agent* other) {
    return leads(one->fence(), other->fence());
  });
  for (const v1::Agent* agent : ahead) {
    if (!look(absl::StrCat(agent->fence()), *agent)) break;
  }
  return absl::OkStatus();
}

absl::Status ListAgents(const Reading& reading, const v1::ListAgentsRequest& request,
                        v1::ListAgentsResponse* response) {
  const std::string query = QueryOf(request);
  HostedWorkspace* workspace = reading.scope.workspace;
  COORDHUB_ASSIGN_OR_RETURN(const PageStart start,
                            BeginPage(workspace, reading.view, request.page_token(), query));
  PageBudget budget(request.page_size());
  std::string last;
  bool more = false;
  const auto look = [&](const std::string& key, const v1::Agent& listed) {
    more = !budget.Look();
    if (more) return false;
    last = key;
    v1::Agent agent = listed;
    workspace->engine().Decorate(*start.view, &agent);  // SUSPECT is computed
    if (!request.states().empty() && std::find(request.states().begin(), request.states().end(),
                                               agent.state()) == request.states().end()) {
      return true;
    }
    budget.Take(agent);
    *response->add_agents() = std::move(agent);
    return true;
  };
  const core::Records& records = start.view->records;
  if (request.order_by() == v1::ListAgentsRequest::ORDER_REGISTRATION) {
    COORDHUB_RETURN_IF_ERROR(
        WalkByRegistration(records, request.descending(), start.after_key, look));
  } else {
    WalkByName(records, request.descending(), start.after_key, look);
  }
  if (more) response->set_next_page_token(NextPage(workspace, start, last, query));
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
