#include "agent/coordctl/context.h"

#include <memory>
#include <ostream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/base/atomic_file.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "agent/coordctl/time_text.h"

namespace coordhub::coordctl {
namespace {

constexpr char kOperator[] = "operator";
// Silence of the hub after which a person is told what the command waits for.
constexpr absl::Duration kNoteAfter = absl::Seconds(2);

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

absl::StatusOr<base::GitLocation> Context::Repository() const {
  return base::LocateRepository(host_.directory);
}

absl::StatusOr<std::string> Context::Worktree() const {
  COORDHUB_ASSIGN_OR_RETURN(const base::GitLocation location, Repository());
  return location.is_bare ? location.git_dir : location.worktree_root;
}

absl::StatusOr<SessionStore> Context::Sessions() {
  COORDHUB_ASSIGN_OR_RETURN(const base::GitLocation location, Repository());
  COORDHUB_ASSIGN_OR_RETURN(const base::ResolvedEndpoint endpoint, Endpoint());
  if (!endpoint.state_dir.empty()) {
    return SessionStore(base::StatePaths(endpoint.state_dir).sessions(), "");
  }
  return SessionStore(base::StatePaths::UnderCommonDir(location.common_dir).sessions(),
                      endpoint.target);
}

absl::StatusOr<agent::Client> Context::Connect() {
  COORDHUB_ASSIGN_OR_RETURN(const std::string token, ChooseSession());
  return ConnectAs(token);
}

absl::StatusOr<agent::Client> Context::ConnectAs(const std::string& session_token) {
  COORDHUB_ASSIGN_OR_RETURN(const base::ResolvedEndpoint endpoint, Endpoint());
  agent::ClientOptions options;
  options.endpoint = endpoint.target;
  const base::EndpointQuery query = {globals_.endpoint, host_.Env("COORDHUB_ENDPOINT"),
                                     host_.directory};
  options.resolve = [query]() -> absl::StatusOr<std::string> {
    COORDHUB_ASSIGN_OR_RETURN(const base::ResolvedEndpoint found, base::ResolveEndpoint(query));
    return found.target;
  };
  options.workspace_id = globals_.workspace;
  if (options.workspace_id.empty()) options.workspace_id = host_.Env("COORDHUB_WORKSPACE");
  if (options.workspace_id.empty() && !endpoint.is_unix) options.workspace_id = endpoint.workspace;
  options.credentials.session_token = session_token;
  if (session_token.empty()) {
    COORDHUB_ASSIGN_OR_RETURN(options.credentials.operator_token, OperatorToken(endpoint));
  }
  COORDHUB_ASSIGN_OR_RETURN(options.timeout, ParseDuration(globals_.timeout, "--timeout"));
  options.on_retry = WaitingNote();
  options.clock = host_.clock;
  options.ids = host_.ids;
  return agent::Client::Connect(std::move(options));
}

absl::StatusOr<base::ResolvedEndpoint> Context::Endpoint() {
  absl::StatusOr<base::ResolvedEndpoint> endpoint =
      base::ResolveEndpoint({globals_.endpoint, host_.Env("COORDHUB_ENDPOINT"), host_.directory});
  if (!absl::IsNotFound(endpoint.status())) return endpoint;
  return base::MakeError(pb::ERROR_REASON_HUB_UNREACHABLE,
                         absl::StrCat("which hub? ", endpoint.status().message(),
                                      "; go into a repository, or say --endpoint"),
                         {{"endpoint", ""}});
}

// The order is that of README.md, "Who acts".
absl::StatusOr<std::string> Context::ChooseSession() {
  if (globals_.as == kOperator) return std::string();
  if (!globals_.session.empty()) return ReadToken(globals_.session, "--session");
  if (!globals_.as.empty()) return StoredToken(globals_.as);
  const std::string session = host_.Env("COORDHUB_SESSION");
  if (!session.empty()) return ReadToken(session, "COORDHUB_SESSION");
  const std::string agent = host_.Env("COORDHUB_AGENT");
  if (!agent.empty()) return StoredToken(agent);
  return ImpliedToken();
}

// This worktree's session of that agent, else another worktree's.
absl::StatusOr<std::string> Context::StoredToken(const std::string& agent_id) {
  COORDHUB_ASSIGN_OR_RETURN(const SessionStore store, Sessions());
  COORDHUB_ASSIGN_OR_RETURN(const std::string worktree, Worktree());
  std::vector<StoredSession> sessions = store.List(worktree);
  for (StoredSession& session : store.ListAll()) sessions.push_back(std::move(session));
  for (const StoredSession& session : sessions) {
    if (session.agent_id == agent_id) return session.token;
  }
  return base::MakeError(
      pb::ERROR_REASON_AGENT_ENDED,
      agent_id + " has no session here; begin one with: coordctl agent register " + agent_id,
      {{"agent_id", agent_id}});
}

absl::StatusOr<std::string> Context::ImpliedToken() {
  const absl::StatusOr<std::string> worktree = Worktree();
  const absl::StatusOr<SessionStore> store = Sessions();
  if (!worktree.ok() || !store.ok()) return std::string();  // outside of every repository
  const std::vector<StoredSession> sessions = store->List(*worktree);
  if (sessions.empty()) return std::string();
  if (sessions.size() > 1) {
    const std::string names = absl::StrJoin(
        sessions, ", ",
        [](std::string* out, const StoredSession& session) { out->append(session.agent_id); });
    return base::MakeFieldError("--as", "several agents are registered in this worktree (" + names +
                                            "): say which with --as or COORDHUB_AGENT");
  }
  implied_agent_ = sessions[0].agent_id;
  return sessions[0].token;
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

// Tells a person once that the command waits for a hub.
std::function<void(const absl::Status&, absl::Duration)> Context::WaitingNote() {
  if (!host_.err_is_terminal) return nullptr;
  return [this, start = host_.clock->Mono(), told = std::make_shared<bool>(false)](
             const absl::Status& status, absl::Duration) {
    if (*told || host_.clock->Mono() - start < kNoteAfter) return;
    *told = true;
    err() << "coordctl: waiting for the hub: " << SafeBlock(std::string(status.message()), "")
          << std::flush;
  };
}

}  // namespace coordhub::coordctl
