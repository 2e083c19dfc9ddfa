#include "tests/core/model/model.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace coordhub::model {

using State = v1::Ticket;

int64_t NumberOf(const std::string& ticket_id) {
  return ticket_id.rfind("T-", 0) == 0 ? std::atoll(ticket_id.c_str() + 2) : 0;
}

bool Finished(v1::Ticket::State state) {
  return state == State::STATE_DONE || state == State::STATE_FAILED ||
         state == State::STATE_CANCELLED;
}

bool Trusted(const Who& who) { return who.kind == Kind::kOperator || who.kind == Kind::kHub; }

Answer Refuse(Refusals refusals) { return {.refusals = std::move(refusals)}; }

// ---- who ----

std::string Model::SelfId(const Who& who) const {
  if (who.kind != Kind::kSession) return "";
  for (const auto& [id, agent] : agents) {
    if (agent.session_uid == who.session_uid && agent.state == v1::Agent::STATE_ACTIVE) return id;
  }
  return "";
}

std::string Model::ActorOf(const Who& who) const {
  if (who.kind != Kind::kSession) return who.actor;
  for (const auto& [id, agent] : agents) {
    if (agent.session_uid == who.session_uid) return id;
  }
  return "";
}

Refusals Model::Gate(const Who& who, bool makes_tickets) const {
  if (who.kind == Kind::kSession && SelfId(who).empty()) return {v1::ERROR_REASON_SESSION_ENDED};
  if (who.kind == Kind::kFile && !makes_tickets) return {v1::ERROR_REASON_OPERATOR_REQUIRED};
  if (who.kind == Kind::kObserver) return {v1::ERROR_REASON_OPERATOR_REQUIRED};
  return {};
}

bool Model::Owns(const Who& who, const Ticket& ticket) const {
  if (Trusted(who)) return true;
  const std::string name = ActorOf(who);
  return ticket.creator == name || ticket.holder == name;
}

// ---- what the state says ----

std::set<int64_t> Model::WaitsFor(int64_t number) const {
  std::set<int64_t> all;
  for (const auto& [dependency, until] : tickets.at(number).dependencies) all.insert(dependency);
  for (const auto& [child, ticket] : tickets) {
    if (ticket.parent == number) all.insert(child);
  }
  return all;
}

std::set<int64_t> Model::BlockersOf(int64_t number) const {
  std::set<int64_t> blockers;
  for (const auto& [dependency, until] : tickets.at(number).dependencies) {
    // In this world nothing integrates, so what waits for that waits on.
    if (until == v1::Dependency::UNTIL_INTEGRATED ||
        (archived.contains(dependency) ? archived.at(dependency) : tickets.at(dependency).state) !=
            State::STATE_DONE) {
      blockers.insert(dependency);
    }
  }
  for (const auto& [child, ticket] : tickets) {
    if (ticket.parent == number && !Finished(ticket.state)) blockers.insert(child);
  }
  return blockers;
}

v1::Ticket::State Model::StateOf(int64_t number) const {
  const v1::Ticket::State state = tickets.at(number).state;
  if (state == State::STATE_OPEN && !BlockersOf(number).empty()) return State::STATE_BLOCKED;
  return state;
}

bool Model::IsReady(int64_t number) const {
  const Ticket& ticket = tickets.at(number);
  return ticket.settled_state == State::STATE_OPEN && ticket.was_ready;
}

std::set<int64_t> Model::Ready() const {
  std::set<int64_t> ready;
  for (const auto& [number, ticket] : tickets) {
    if (IsReady(number)) ready.insert(number);
  }
  return ready;
}

std::vector<int64_t> Model::ReadyFor(const std::string& agent_id,
                                     const std::set<std::string>& labels,
                                     std::optional<int> max_priority) const {
  std::vector<int64_t> ready;
  for (const int64_t number : Ready()) {
    const Ticket& ticket = tickets.at(number);
    if (!ticket.assignee.empty() && ticket.assignee != agent_id) continue;
    if (max_priority.has_value() && ticket.priority > *max_priority) continue;
    if (std::includes(ticket.labels.begin(), ticket.labels.end(), labels.begin(), labels.end())) {
      ready.push_back(number);
    }
  }
  // Numbers are given in order of age.
  std::stable_sort(ready.begin(), ready.end(), [&](int64_t a, int64_t b) {
    return tickets.at(a).priority < tickets.at(b).priority;
  });
  return ready;
}

bool Model::HasCycle() const {
  // Takes away, again and again, whatever waits for nothing that is left.
  std::set<int64_t> left;
  for (const auto& [number, ticket] : tickets) left.insert(number);
  for (bool progress = true; progress;) {
    progress = false;
    for (const int64_t number : std::set<int64_t>(left)) {
      const std::set<int64_t> waits_for = WaitsFor(number);
      if (std::any_of(waits_for.begin(), waits_for.end(),
                      [&](int64_t other) { return left.contains(other); })) {
        continue;
      }
      left.erase(number);
      progress = true;
    }
  }
  return !left.empty();
}

Refusals Model::EdgeRefusals() const {
  if (HasCycle()) return {v1::ERROR_REASON_DEPENDENCY_CYCLE};
  for (const auto& [number, ticket] : tickets) {
    int above = 0;
    for (int64_t parent = ticket.parent; parent != 0; ++above) {
      parent = archived.contains(parent) ? 0 : tickets.at(parent).parent;
    }
    if (above > 16) return {v1::ERROR_REASON_LIMIT_REACHED};
  }
  return {};
}

v1::ErrorReason Model::Missing(int64_t number) const {
  return archived.contains(number) ? v1::ERROR_REASON_TICKET_ARCHIVED
                                   : v1::ERROR_REASON_TICKET_NOT_FOUND;
}

std::vector<int64_t> Model::Archive(const std::vector<int64_t>& finished, int64_t keep_at_most) {
  std::set<int64_t> waited_for;
  for (const auto& [number, ticket] : tickets) {
    if (StateOf(number) == State::STATE_BLOCKED) waited_for.merge(BlockersOf(number));
  }
  std::vector<int64_t> gone;
  for (const int64_t number : finished) {
    const int64_t left = static_cast<int64_t>(finished.size() - gone.size());
    if (left <= keep_at_most || gone.size() == 100) break;
    if (!waited_for.contains(number)) gone.push_back(number);
  }
  for (const int64_t number : gone) {
    archived[number] = tickets.at(number).state;
    tickets.erase(number);
  }
  return gone;
}

void Model::Settle() {
  for (auto& [number, ticket] : tickets) {
    const v1::Ticket::State state = StateOf(number);
    if (state != State::STATE_OPEN || ticket.settled_state != State::STATE_OPEN ||
        ticket.settled_not_before != ticket.not_before ||
        ticket.settled_backoff != ticket.backoff) {
      ticket.time_has_come = ticket.was_ready = false;
    }
    ticket.settled_state = state;
    ticket.settled_not_before = ticket.not_before;
    ticket.settled_backoff = ticket.backoff;
    if (ticket.not_before.value_or(absl::InfinitePast()) <= now.wall) ticket.time_has_come = true;
    const bool has_rested = !ticket.backoff.has_value() || ticket.rested <= now.mono;
    if (ticket.time_has_come && has_rested) ticket.was_ready = true;
  }
}

void Model::Restart() {
  for (auto& [number, ticket] : tickets) {
    ticket.settled_state = State::STATE_UNSPECIFIED;
    ticket.rested = now.mono + ticket.backoff.value_or(absl::ZeroDuration());
  }
  Settle();
}

// ---- sessions ----

Answer Model::Do(const Who& who, const v1::RegisterAgentRequest& request,
                 const std::string& new_uid) {
  if (const Refusals gate = Gate(who, false); !gate.empty()) return Refuse(gate);
  const std::string self_id = SelfId(who);
  const std::string& id = request.agent_id();
  if (id == self_id) {
    agents[id].branch = request.branch();
    if (request.has_ttl()) agents[id].ttl_seconds = request.ttl().seconds();
    return {.resumed = true};
  }
  Refusals refusals;
  // A session may register only what is one segment below itself.
  if (!self_id.empty() &&
      (id.rfind(self_id + "/", 0) != 0 || id.find('/', self_id.size() + 1) != std::string::npos)) {
    refusals.insert(v1::ERROR_REASON_INVALID_FIELD);
  }
  const auto known = agents.find(id);
  const bool lives = known != agents.end() && known->second.state == v1::Agent::STATE_ACTIVE;
  if (lives && !request.takeover()) refusals.insert(v1::ERROR_REASON_AGENT_ACTIVE);
  if (!refusals.empty()) return Refuse(refusals);
  if (lives) EndAgent(id, v1::Agent::STATE_LEFT, false);
  agents[id] = {.session_uid = new_uid, .parent = self_id, .branch = request.branch()};
  if (request.has_ttl()) agents[id].ttl_seconds = request.ttl().seconds();
  Settle();
  return {};
}

Answer Model::Do(const Who& who, const v1::DeregisterAgentRequest& request) {
  if (const Refusals gate = Gate(who, false); !gate.empty()) return Refuse(gate);
  const std::string self_id = SelfId(who);
  if (request.agent_id().empty() && self_id.empty()) {
    return Refuse({v1::ERROR_REASON_INVALID_FIELD});
  }
  const std::string id = request.agent_id().empty() ? self_id : request.agent_id();
  if (!agents.contains(id)) return Refuse({v1::ERROR_REASON_AGENT_NOT_FOUND});
  Refusals refusals;
  if (id != self_id && !Trusted(who)) refusals.insert(v1::ERROR_REASON_OPERATOR_REQUIRED);
  if (agents[id].state != v1::Agent::STATE_ACTIVE) refusals.insert(v1::ERROR_REASON_AGENT_ENDED);
  if (!refusals.empty()) return Refuse(refusals);
  EndAgent(id, v1::Agent::STATE_LEFT, true);
  Settle();
  return {};
}

void Model::EndAgent(const std::string& agent_id, v1::Agent::State state, bool give_back) {
  agents[agent_id].state = state;
  for (auto& [number, ticket] : tickets) {
    if (ticket.holder != agent_id) continue;
    if (give_back) {
      GiveBack(ticket);
    } else {
      Lose(ticket);
    }
  }
  for (auto& [id, agent] : agents) {
    if (agent.parent == agent_id && agent.state == v1::Agent::STATE_ACTIVE) {
      EndAgent(id, v1::Agent::STATE_LEFT, give_back);
    }
  }
}

void Model::ExpireSession(const std::string& agent_id, const std::string& session_uid) {
  const auto it = agents.find(agent_id);
  if (it == agents.end() || it->second.state != v1::Agent::STATE_ACTIVE ||
      it->second.session_uid != session_uid) {
    return;
  }
  EndAgent(agent_id, v1::Agent::STATE_EXPIRED, false);
  Settle();
}

void Model::EndAllSessions() {
  for (auto& [id, agent] : agents) {
    if (agent.state == v1::Agent::STATE_ACTIVE) {
      EndAgent(id, v1::Agent::STATE_LEFT, false);
    }
  }
  Settle();
}

// ---- requests ----

const Request* Requests::Find(const std::string& actor, const std::string& request_id) const {
  const auto window = windows_.find(actor);
  if (window == windows_.end()) return nullptr;
  for (const Request& request : window->second) {
    if (request.request_id == request_id) return &request;
  }
  return nullptr;
}

void Requests::Remember(const std::string& actor, Request request) {
  std::deque<Request>& window = windows_[actor];
  window.push_back(std::move(request));
  if (window.size() > 2048u) window.pop_front();
}

}  // namespace coordhub::model
