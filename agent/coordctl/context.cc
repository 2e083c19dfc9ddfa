#include "agent/coordctl/context.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <ostream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/base/atomic_file.h"
#include "agent/base/error.h"
#include "agent/base/sha256.h"
#include "agent/base/status_macros.h"
#include "agent/base/text.h"
#include "agent/coordctl/await_hub.h"
#include "agent/coordctl/time_text.h"

namespace coordhub::coordctl {
namespace {

constexpr char kOperator[] = "operator";
// Silence of the hub after which a person is told what the command waits for.
constexpr absl::Duration kNoteAfter = absl::Seconds(2);
// Without --timeout: how long a call may take, and how long a hub that nobody has started is waited
// for (one that is just being restarted is back by then).
constexpr absl::Duration kTimeout = absl::Seconds(30);
constexpr absl::Duration kPatience = absl::Seconds(1);

std::string NamesOf(const std::vector<StoredSession>& sessions) {
  return absl::StrJoin(sessions, ", ", [](std::string* out, const StoredSession& session) {
    out->append(session.agent_id);
  });
}

bool Lives(const pb::Agent& agent) {
  return agent.state() == pb::Agent::STATE_ACTIVE || agent.state() == pb::Agent::STATE_SUSPECT;
}

// Whether the agent's record is of this very session. A token begins with the uid of its session.
bool IsOf(const StoredSession& session, const pb::Agent& agent) {
  return absl::StartsWith(session.token, absl::StrCat("chs_", agent.session_uid()));
}

std::string StripSpace(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

}  // namespace

bool Context::color() const {
  return !globals_.json &&
         UseColor(globals_.color, host_.out_is_terminal, host_.Env("NO_COLOR"), host_.Env("TERM"));
}

Table Context::NewTable(std::vector<std::string> headings) const {
  return Table(std::move(headings), host_.out_is_terminal, color(), host_.columns);
}

const absl::StatusOr<base::GitLocation>& Context::Repository() {
  if (!repository_.has_value()) repository_ = base::LocateRepository(host_.directory);
  return *repository_;
}

absl::StatusOr<std::string> Context::Worktree() {
  const absl::StatusOr<base::GitLocation>& location = Repository();
  COORDHUB_RETURN_IF_ERROR(location.status());
  return location->is_bare ? location->git_dir : location->worktree_root;
}

absl::StatusOr<SessionStore> Context::Sessions() {
  const absl::StatusOr<base::GitLocation>& location = Repository();
  COORDHUB_RETURN_IF_ERROR(location.status());
  COORDHUB_ASSIGN_OR_RETURN(const base::ResolvedEndpoint endpoint, Endpoint());
  if (!endpoint.state_dir.empty()) {
    return SessionStore(base::StatePaths(endpoint.state_dir).sessions(), "");
  }
  return SessionStore(base::StatePaths::UnderCommonDir(location->common_dir).sessions(),
                      endpoint.target);
}

absl::StatusOr<agent::Client> Context::Connect() {
  COORDHUB_ASSIGN_OR_RETURN(const std::optional<std::string> token, NamedToken());
  if (token.has_value()) return ConnectAs(*token);
  COORDHUB_ASSIGN_OR_RETURN(std::vector<StoredSession> sessions, ImpliedSessions());
  if (sessions.empty()) return ConnectAs("");
  if (sessions.size() == 1) return ConnectImplied(sessions[0]);
  const std::string all = NamesOf(sessions);
  sessions = ForgetDead(std::move(sessions));
  if (sessions.size() == 1) return ConnectImplied(sessions[0]);
  if (sessions.empty()) {
    return base::MakeError(pb::ERROR_REASON_SESSION_ENDED,
                           absl::StrCat("the sessions of ", all, " in this worktree have ended"));
  }
  return base::MakeFieldError(
      "--as", absl::StrCat("several agents are registered in this worktree (", NamesOf(sessions),
                           "): say which one acts with --as NAME, COORDHUB_AGENT or "
                           "COORDHUB_SESSION, or --as operator"));
}

absl::StatusOr<agent::Client> Context::ConnectAsAnyone() {
  COORDHUB_ASSIGN_OR_RETURN(const std::optional<std::string> token, NamedToken());
  if (token.has_value()) return ConnectAs(*token);
  COORDHUB_ASSIGN_OR_RETURN(const base::ResolvedEndpoint endpoint, Endpoint());
  COORDHUB_ASSIGN_OR_RETURN(agent::Client as_operator, ConnectAs(""));
  const bool is_operator = endpoint.is_unix || !as_operator.credentials().operator_token.empty();
  return is_operator ? as_operator : Connect();
}

absl::StatusOr<agent::Client> Context::ConnectAsSelf() {
  COORDHUB_ASSIGN_OR_RETURN(const std::optional<std::string> token, NamedToken());
  if (token.has_value()) return ConnectAs(*token);
  COORDHUB_ASSIGN_OR_RETURN(const std::vector<StoredSession> sessions, ImpliedSessions());
  if (sessions.size() < 2) return Connect();
  for (const StoredSession& session : sessions) undecided_agents_.push_back(session.agent_id);
  return ConnectAsAnyone();
}

absl::StatusOr<agent::Client> Context::ConnectImplied(const StoredSession& session) {
  COORDHUB_ASSIGN_OR_RETURN(agent::Client client, ConnectAs(session.token));
  used_ = session;
  implied_ = true;
  return client;
}

bool Context::ForgetIfEnded(const absl::Status& status) {
  if (base::ReasonOf(status) != pb::ERROR_REASON_SESSION_ENDED) return false;
  const absl::StatusOr<SessionStore> store = Sessions();
  if (used_.token.empty() || !store.ok()) return true;
  store->Forget(used_);
  used_ = StoredSession();
  implied_ = false;
  return true;
}

void Context::ForgetSession(const pb::Agent& agent) {
  const absl::StatusOr<SessionStore> store = Sessions();
  if (!store.ok()) return;
  for (const StoredSession& session : store->ListAll()) {
    if (session.agent_id == agent.agent_id() && IsOf(session, agent)) store->Forget(session);
  }
}

absl::StatusOr<agent::Client> Context::ConnectAs(const std::string& session_token) {
  COORDHUB_ASSIGN_OR_RETURN(const base::ResolvedEndpoint endpoint, Endpoint());
  agent::ClientOptions options;
  options.endpoint = endpoint.target;
  options.resolve = [resolve = MakeResolver()]() -> absl::StatusOr<std::string> {
    COORDHUB_ASSIGN_OR_RETURN(const base::ResolvedEndpoint found, resolve());
    return found.target;
  };
  options.workspace_id = NamedWorkspace();
  if (options.workspace_id.empty() && !endpoint.is_unix) options.workspace_id = endpoint.workspace;
  options.credentials.session_token = session_token;
  if (session_token.empty()) {
    COORDHUB_ASSIGN_OR_RETURN(options.credentials.operator_token, OperatorToken(endpoint));
  }
  COORDHUB_ASSIGN_OR_RETURN(options.timeout, Timeout());
  options.on_retry = WaitingNote();
  options.make_request_id = [this] { return RequestId(); };
  options.credentials.client_id = client_id_;
  // Whoever repeats this command with its request id is the same client, and finds its answer
  // whatever else is done meanwhile.
  if (client_id_.empty() && (repeatable_ || !globals_.request_id.empty())) {
    if (globals_.request_id.empty()) globals_.request_id = host_.ids->NewUid();
    options.credentials.client_id =
        "coordctl:" + base::HexEncode(base::Sha256(globals_.request_id)).substr(0, 32);
  }
  options.clock = host_.clock;
  options.ids = host_.ids;
  absl::StatusOr<agent::Client> client = agent::Client::Connect(std::move(options));
  if (client.ok()) made_.push_back(*client);
  return client;
}

std::string Context::RequestId() {
  mutation_sent_ = true;
  if (globals_.request_id.empty()) globals_.request_id = host_.ids->NewUid();
  return globals_.request_id;
}

std::string Context::Repetition() const {
  if (!mutation_sent_ || !repeatable_) return "";
  return absl::StrCat("--request-id ", globals_.request_id, meant_.empty() ? "" : " ", meant_);
}

std::string Context::NamedWorkspace() const {
  return globals_.workspace.empty() ? host_.Env("COORDHUB_WORKSPACE") : globals_.workspace;
}

absl::StatusOr<absl::Duration> Context::Timeout() const {
  return globals_.timeout.empty() ? kTimeout : ParseDuration(globals_.timeout, "--timeout");
}

Context::Resolver Context::MakeResolver() {
  const base::EndpointQuery query = {globals_.endpoint, host_.Env("COORDHUB_ENDPOINT"),
                                     host_.directory};
  return [query, repository = Repository()] { return base::ResolveEndpoint(query, repository); };
}

absl::StatusOr<base::ResolvedEndpoint> Context::Endpoint() {
  if (endpoint_.has_value()) return *endpoint_;
  COORDHUB_ASSIGN_OR_RETURN(const absl::Duration timeout, Timeout());
  const absl::StatusOr<base::ResolvedEndpoint> endpoint =
      AwaitHub(MakeResolver(), globals_.timeout.empty() ? kPatience : timeout);
  if (endpoint.ok()) endpoint_ = *endpoint;
  if (!absl::IsNotFound(endpoint.status())) return endpoint;
  return base::MakeError(pb::ERROR_REASON_HUB_UNREACHABLE,
                         absl::StrCat("which hub? ", endpoint.status().message(),
                                      "; go into a repository, or say --endpoint"),
                         {{"endpoint", ""}});
}

// The order is that of README.md, "Who acts".
absl::StatusOr<std::optional<std::string>> Context::NamedToken() {
  COORDHUB_ASSIGN_OR_RETURN(std::optional<std::string> token, ExplicitToken());
  const std::string agent = host_.Env("COORDHUB_AGENT");
  if (token.has_value() || agent.empty()) return token;
  return StoredToken(agent);
}

absl::StatusOr<std::optional<std::string>> Context::ExplicitToken() {
  if (globals_.as == kOperator) return std::string();
  if (!globals_.session.empty()) return ReadToken(globals_.session, "--session");
  if (!globals_.as.empty()) return StoredToken(globals_.as);
  const std::string session = host_.Env("COORDHUB_SESSION");
  if (!session.empty()) return ReadToken(session, "COORDHUB_SESSION");
  return std::nullopt;
}

// This worktree's session of that agent, else another worktree's.
absl::StatusOr<std::string> Context::StoredToken(const std::string& agent_id) {
  COORDHUB_ASSIGN_OR_RETURN(const SessionStore store, Sessions());
  COORDHUB_ASSIGN_OR_RETURN(const std::string worktree, Worktree());
  std::vector<StoredSession> sessions = store.List(worktree);
  for (StoredSession& session : store.ListAll()) sessions.push_back(std::move(session));
  for (const StoredSession& session : sessions) {
    if (session.agent_id != agent_id) continue;
    used_ = session;
    return session.token;
  }
  return base::MakeError(
      pb::ERROR_REASON_AGENT_ENDED,
      agent_id + " has no session here; begin one with: coordctl agent register " + agent_id,
      {{"agent_id", agent_id}});
}

absl::StatusOr<std::vector<StoredSession>> Context::ImpliedSessions() {
  const absl::StatusOr<std::string> worktree = Worktree();
  std::vector<StoredSession> none;
  if (absl::IsNotFound(worktree.status())) return none;  // outside of every repository
  COORDHUB_RETURN_IF_ERROR(worktree.status());
  COORDHUB_ASSIGN_OR_RETURN(const SessionStore store, Sessions());
  return store.List(*worktree);
}

// Asks as the operator: with their own tokens the question would keep them alive.
std::vector<StoredSession> Context::DeadOf(const std::vector<StoredSession>& sessions) {
  std::vector<StoredSession> dead;
  const absl::StatusOr<base::ResolvedEndpoint> endpoint = Endpoint();
  const absl::StatusOr<agent::Client> client = ConnectAs("");
  if (!endpoint.ok() || !client.ok()) return dead;
  // Nothing here tells to which workspace of a hub elsewhere the sessions belong.
  if (endpoint->workspace.empty() && !NamedWorkspace().empty()) return dead;
  for (const StoredSession& session : sessions) {
    pb::GetAgentRequest request;
    request.set_workspace_id(endpoint->workspace);
    request.set_agent_id(session.agent_id);
    const auto agent = client->GetAgent(request);
    const bool is_dead = agent.ok()
                             ? !Lives(agent->agent()) || !IsOf(session, agent->agent())
                             : base::ReasonOf(agent.status()) == pb::ERROR_REASON_AGENT_NOT_FOUND;
    if (is_dead) dead.push_back(session);
  }
  return dead;
}

std::vector<StoredSession> Context::ForgetDead(std::vector<StoredSession> sessions) {
  const absl::StatusOr<SessionStore> store = Sessions();
  if (!store.ok()) return sessions;
  for (const StoredSession& dead : DeadOf(sessions)) {
    store->Forget(dead);
    sessions.erase(
        std::remove_if(sessions.begin(), sessions.end(),
                       [&](const StoredSession& session) { return session.token == dead.token; }),
        sessions.end());
  }
  return sessions;
}

// On TCP the operator proves to be one by a file that only the hub's user can read.
absl::StatusOr<std::string> Context::OperatorToken(const base::ResolvedEndpoint& endpoint) const {
  static constexpr size_t kMaxTokenFileBytes = 4096;
  std::string path = globals_.operator_token;
  if (path.empty()) {
    if (endpoint.is_unix || endpoint.state_dir.empty()) return std::string();
    path = base::StatePaths(endpoint.state_dir).operator_token();
  }
  COORDHUB_ASSIGN_OR_RETURN(const std::optional<std::string> token,
                            base::ReadFile(path, kMaxTokenFileBytes));
  if (token.has_value()) return StripSpace(*token);
  if (globals_.operator_token.empty()) return std::string();
  return base::MakeFieldError("--operator-token", path + " does not exist");
}

// Tells a person once that the command waits for a hub, whichever of its threads notices it first.
std::function<void(const absl::Status&, absl::Duration)> Context::WaitingNote() {
  if (!host_.err_is_terminal || quiet_) return nullptr;
  return [this, start = host_.clock->Mono(), told = std::make_shared<std::atomic<bool>>(false)](
             const absl::Status& status, absl::Duration) {
    if (host_.clock->Mono() - start < kNoteAfter || told->exchange(true)) return;
    err() << "coordctl: waiting for the hub: " << SafeBlock(std::string(status.message()), "")
          << std::flush;
  };
}

}  // namespace coordhub::coordctl
