// Who acts: the part of Context that README.md describes under that heading.

#include <algorithm>
#include <optional>
#include <ostream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/base/error.h"
#include "agent/base/mutant.h"
#include "agent/base/status_macros.h"
#include "agent/coordctl/context.h"
#include "agent/coordctl/worktree_id.h"

namespace coordhub::coordctl {
namespace {

constexpr char kOperator[] = "operator";

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

// Whether a call was refused because its session is over, or none of this hub.
bool IsOver(const absl::Status& status) {
  const pb::ErrorReason reason = base::ReasonOf(status);
  return reason == pb::ERROR_REASON_SESSION_ENDED || reason == pb::ERROR_REASON_TOKEN_INVALID;
}

// Nobody acts where these agents' sessions have ended.
absl::Status AllEnded(const std::vector<StoredSession>& ended) {
  const std::string& first = ended.front().agent_id;
  return base::MakeError(
      pb::ERROR_REASON_SESSION_ENDED,
      absl::StrCat(ended.size() == 1 ? "the session of " : "the sessions of ", NamesOf(ended),
                   " in this worktree ", ended.size() == 1 ? "has" : "have",
                   " ended, and nobody acts in its place: register again with: coordctl agent "
                   "register ",
                   first, "; or say --as operator"),
      {{"agent_id", first}});
}

absl::Status CannotBeRead(const std::vector<std::string>& unreadable) {
  return base::MakeError(
      pb::ERROR_REASON_SESSION_REQUIRED,
      absl::StrCat("an agent was registered in this worktree, and what is kept of it cannot be "
                   "read (",
                   absl::StrJoin(unreadable, "; "),
                   "): register again with: coordctl agent register NAME; or say --as operator"));
}

// Why nobody acts in a worktree where no session lives; OK: nobody was ever registered there.
absl::Status WhyNobody(const KeptSessions& kept) {
  if (base::MutantActive("identity_widened")) return absl::OkStatus();
  if (!kept.unreadable.empty()) return CannotBeRead(kept.unreadable);
  return kept.ended.empty() ? absl::OkStatus() : AllEnded(kept.ended);
}

absl::Status NotHere(const std::string& agent_id) {
  return base::MakeError(
      pb::ERROR_REASON_AGENT_ENDED,
      absl::StrCat(agent_id, " has no session here; begin one with: coordctl agent register ",
                   agent_id, "; or say --as operator"),
      {{"agent_id", agent_id}});
}

// A variable that is there and says nothing names somebody: only not whom.
absl::Status NamesNobody(const std::string& variable) {
  return base::MakeError(pb::ERROR_REASON_SESSION_REQUIRED,
                         absl::StrCat(variable,
                                      " is set, but empty: it names nobody. Unset it, register "
                                      "with: coordctl agent register NAME; or say --as operator"));
}

}  // namespace

absl::StatusOr<agent::Client> Context::Connect() {
  COORDHUB_ASSIGN_OR_RETURN(const std::optional<Actor> named, NamedActor());
  if (named.has_value()) return ConnectAs(*named);
  COORDHUB_ASSIGN_OR_RETURN(KeptSessions kept, KeptHere());
  if (kept.live.size() == 1 && kept.unreadable.empty()) return ConnectImplied(kept.live[0]);
  const std::vector<StoredSession> known = kept.live;
  kept.live = LivingOf(std::move(kept.live));
  if (kept.live.size() == 1 && kept.unreadable.empty()) return ConnectImplied(kept.live[0]);
  if (kept.live.empty()) {
    kept.ended.insert(kept.ended.end(), known.begin(), known.end());
    COORDHUB_RETURN_IF_ERROR(WhyNobody(kept));
    return ConnectAs(Actor::Operator());
  }
  if (!kept.unreadable.empty()) return CannotBeRead(kept.unreadable);
  return base::MakeFieldError(
      "--as", absl::StrCat("several agents are registered in this worktree (", NamesOf(kept.live),
                           "): say which one acts with --as NAME, COORDHUB_AGENT or "
                           "COORDHUB_SESSION, or --as operator"));
}

absl::StatusOr<agent::Client> Context::ConnectToRead() {
  COORDHUB_ASSIGN_OR_RETURN(const std::optional<Actor> flagged, FlaggedActor());
  if (flagged.has_value()) return ConnectAs(*flagged);
  const absl::StatusOr<std::optional<Actor>> ambient = EnvironmentsActor();
  if (absl::IsInvalidArgument(ambient.status())) return ambient.status();
  if (!ambient.ok() || !ambient->has_value()) return ConnectAsReader();
  COORDHUB_ASSIGN_OR_RETURN(agent::Client client, ConnectAs(**ambient));
  if (!IsOver(client.GetHub({}).status())) return client;
  if (!json()) {
    err() << "coordctl: the session that the environment names has ended; this only reads\n";
  }
  return ConnectAsReader();
}

absl::StatusOr<agent::Client> Context::ConnectAsReader() {
  COORDHUB_ASSIGN_OR_RETURN(const base::ResolvedEndpoint endpoint, Endpoint());
  COORDHUB_ASSIGN_OR_RETURN(agent::Client as_operator, ConnectAs(Actor::Operator()));
  const bool is_operator = endpoint.is_unix || !as_operator.credentials().operator_token.empty();
  return is_operator ? as_operator : Connect();
}

absl::StatusOr<agent::Client> Context::ConnectAsSelf() {
  COORDHUB_ASSIGN_OR_RETURN(const std::optional<Actor> named, NamedActor());
  if (named.has_value()) return ConnectAs(*named);
  COORDHUB_ASSIGN_OR_RETURN(const KeptSessions kept, KeptHere());
  if (kept.live.size() == 1 && kept.unreadable.empty()) return ConnectImplied(kept.live[0]);
  for (const StoredSession& session : kept.live) undecided_agents_.push_back(session.agent_id);
  if (kept.live.empty()) nobody_ = WhyNobody(kept);
  return ConnectToRead();
}

absl::StatusOr<agent::Client> Context::ConnectToImport() {
  COORDHUB_ASSIGN_OR_RETURN(const std::optional<Actor> named, NamedActor());
  if (named.has_value()) return ConnectAs(*named);
  COORDHUB_ASSIGN_OR_RETURN(KeptSessions kept, KeptHere());
  const std::vector<StoredSession> known = kept.live;
  if (LivingOf(std::move(kept.live)).empty()) {
    kept.ended.insert(kept.ended.end(), known.begin(), known.end());
    COORDHUB_RETURN_IF_ERROR(WhyNobody(kept));
  }
  return ConnectAsReader();
}

absl::StatusOr<agent::Client> Context::ConnectForOperator() {
  COORDHUB_ASSIGN_OR_RETURN(const std::optional<Actor> named, NamedActor());
  const auto refusal = [](const std::string& who) {
    return base::MakeError(pb::ERROR_REASON_OPERATOR_REQUIRED,
                           absl::StrCat("this is the operator's, and ", who,
                                        "; if you are the operator, say so: "
                                        "--as operator"));
  };
  if (named.has_value()) {
    return named->is_operator() ? ConnectAs(*named) : refusal("a session is named");
  }
  COORDHUB_ASSIGN_OR_RETURN(const KeptSessions kept, KeptHere());
  if (!kept.live.empty()) return refusal(NamesOf(kept.live) + " is registered in this worktree");
  COORDHUB_RETURN_IF_ERROR(WhyNobody(kept));
  return ConnectAs(Actor::Operator());
}

absl::StatusOr<agent::Client> Context::ConnectImplied(const StoredSession& session) {
  COORDHUB_ASSIGN_OR_RETURN(agent::Client client, ConnectAs(Actor::Session(session.token)));
  used_ = session;
  implied_ = true;
  return client;
}

bool Context::NoteIfEnded(const absl::Status& status) {
  if (!IsOver(status)) return false;
  // A token that is invalid stays: it may be that another workspace was asked.
  if (base::ReasonOf(status) != pb::ERROR_REASON_SESSION_ENDED) return true;
  const absl::StatusOr<SessionStore> store = Sessions();
  if (used_.token.empty() || !store.ok()) return true;
  store->Entomb(used_);
  used_ = StoredSession();
  implied_ = false;
  return true;
}

void Context::NoteEnd(const pb::Agent& agent) {
  const absl::StatusOr<SessionStore> store = Sessions();
  if (!store.ok()) return;
  for (const StoredSession& session : store->ListAll()) {
    if (session.agent_id == agent.agent_id() && IsOf(session, agent)) store->Entomb(session);
  }
}

absl::StatusOr<size_t> Context::ForgetEndedHere() {
  COORDHUB_ASSIGN_OR_RETURN(const SessionStore store, Sessions());
  COORDHUB_ASSIGN_OR_RETURN(KeptSessions kept, KeptHere());
  const size_t all = kept.live.size() + kept.ended.size() + kept.unreadable.size();
  const size_t living = LivingOf(std::move(kept.live)).size();
  const absl::StatusOr<WorktreeRef> worktree = Worktree();
  if (worktree.ok()) {
    store.ForgetEnded(*worktree);
  } else {
    COORDHUB_RETURN_IF_ERROR(ForgetWorktreeId(Repository()->git_dir));
  }
  return all - living;
}

// The order is that of README.md, "Who acts".
absl::StatusOr<std::optional<Actor>> Context::NamedActor() {
  COORDHUB_ASSIGN_OR_RETURN(std::optional<Actor> flagged, FlaggedActor());
  if (flagged.has_value()) return flagged;
  return EnvironmentsActor();
}

absl::StatusOr<std::optional<Actor>> Context::FlaggedActor() {
  if (globals_.as == kOperator) return Actor::Operator();
  if (!globals_.session.empty()) {
    COORDHUB_ASSIGN_OR_RETURN(std::string token, ReadToken(globals_.session, "--session"));
    return Actor::Session(std::move(token));
  }
  if (globals_.as.empty()) return std::nullopt;
  COORDHUB_ASSIGN_OR_RETURN(Actor stored, StoredActor(globals_.as));
  return stored;
}

absl::StatusOr<std::optional<Actor>> Context::EnvironmentsActor() {
  static constexpr char kSession[] = "COORDHUB_SESSION";
  static constexpr char kAgent[] = "COORDHUB_AGENT";
  if (host_.Has(kSession)) {
    if (host_.Env(kSession).empty()) return NamesNobody(kSession);
    COORDHUB_ASSIGN_OR_RETURN(std::string token, ReadToken(host_.Env(kSession), kSession));
    return Actor::Session(std::move(token));
  }
  if (!host_.Has(kAgent)) return std::nullopt;
  if (host_.Env(kAgent).empty()) return NamesNobody(kAgent);
  COORDHUB_ASSIGN_OR_RETURN(Actor stored, StoredActor(host_.Env(kAgent)));
  return stored;
}

absl::StatusOr<std::optional<Actor>> Context::NamedSession() {
  COORDHUB_ASSIGN_OR_RETURN(std::optional<Actor> flagged, FlaggedActor());
  // COORDHUB_AGENT names who is meant, not who calls; an empty variable is what a registration is
  // to put right.
  if (flagged.has_value() || host_.Env("COORDHUB_SESSION").empty()) return flagged;
  return EnvironmentsActor();
}

// This worktree's session of that agent, else another worktree's.
absl::StatusOr<Actor> Context::StoredActor(const std::string& agent_id) {
  COORDHUB_ASSIGN_OR_RETURN(const SessionStore store, Sessions());
  COORDHUB_ASSIGN_OR_RETURN(const WorktreeRef worktree, Worktree());
  std::vector<StoredSession> sessions = store.List(worktree).live;
  for (StoredSession& session : store.ListAll()) sessions.push_back(std::move(session));
  for (const StoredSession& session : sessions) {
    if (session.agent_id != agent_id || session.ended()) continue;
    used_ = session;
    return Actor::Session(session.token);
  }
  return NotHere(agent_id);
}

absl::StatusOr<KeptSessions> Context::KeptHere() {
  const absl::StatusOr<base::GitLocation>& location = Repository();
  if (absl::IsNotFound(location.status())) return KeptSessions();  // outside of every repository
  COORDHUB_RETURN_IF_ERROR(location.status());
  COORDHUB_ASSIGN_OR_RETURN(const SessionStore store, Sessions());
  const absl::StatusOr<WorktreeRef> worktree = Worktree();
  if (worktree.ok()) return store.List(*worktree);
  KeptSessions kept;
  kept.unreadable.emplace_back(worktree.status().message());
  return kept;
}

// Asks as the operator: with their own tokens the question would keep them alive.
std::vector<StoredSession> Context::DeadOf(const std::vector<StoredSession>& sessions) {
  std::vector<StoredSession> dead;
  if (sessions.empty()) return dead;
  const absl::StatusOr<base::ResolvedEndpoint> endpoint = Endpoint();
  const absl::StatusOr<agent::Client> client = ConnectAs(Actor::Operator());
  if (!endpoint.ok() || !client.ok()) return dead;
  // Nothing here tells to which workspace of a hub elsewhere the sessions belong.
  if (endpoint->workspace.empty() && !NamedWorkspace().empty()) return dead;
  for (const StoredSession& session : sessions) {
    if (session.ended()) continue;
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

std::vector<StoredSession> Context::LivingOf(std::vector<StoredSession> sessions) {
  const absl::StatusOr<SessionStore> store = Sessions();
  if (!store.ok()) return sessions;
  for (const StoredSession& dead : DeadOf(sessions)) {
    store->Entomb(dead);
    sessions.erase(
        std::remove_if(sessions.begin(), sessions.end(),
                       [&](const StoredSession& session) { return session.token == dead.token; }),
        sessions.end());
  }
  return sessions;
}

}  // namespace coordhub::coordctl
