// What the commands about tickets do.

#include <algorithm>
#include <utility>

#include "tests/core/model/model.h"

namespace coordhub::model {
namespace {

using v1::Dependency;
using State = v1::Ticket;

absl::Duration ToDuration(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

absl::Time ToTime(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

// 1 s, 2 s, 4 s, … up to 5 minutes.
absl::Duration BackOff(int nth) {
  double seconds = 1;
  for (int i = 1; i < nth; ++i) seconds *= 2;
  return absl::Seconds(std::min(seconds, 300.0));
}

// The number of a reference, which may be a local id of a batch.
int64_t Resolve(const std::string& reference, const std::map<std::string, int64_t>& local_ids) {
  const auto it = local_ids.find(reference);
  return it == local_ids.end() ? NumberOf(reference) : it->second;
}

void Merge(Refusals& into, const Refusals& more) { into.insert(more.begin(), more.end()); }

}  // namespace

// ---- making and changing tickets ----

Refusals Model::SpecRefusals(const v1::TicketSpec& spec,
                             const std::map<std::string, int64_t>& local_ids) const {
  const auto known = [&](const std::string& reference) {
    return local_ids.contains(reference) || tickets.contains(NumberOf(reference));
  };
  for (const Dependency& dependency : spec.dependencies()) {
    if (!known(dependency.ticket_id()) && !archived.contains(NumberOf(dependency.ticket_id()))) {
      return {v1::ERROR_REASON_TICKET_NOT_FOUND};
    }
  }
  if (!spec.parent_ticket_id().empty() && !known(spec.parent_ticket_id())) {
    return {Missing(NumberOf(spec.parent_ticket_id()))};
  }
  return {};
}

void Model::SetField(Ticket& ticket, const std::string& field, const v1::TicketSpec& spec,
                     const std::map<std::string, int64_t>& local_ids) {
  if (field == "title") ticket.title = spec.title();
  if (field == "body") ticket.body = spec.body();
  if (field == "priority") ticket.priority = spec.has_priority() ? spec.priority() : 2;
  if (field == "labels") ticket.labels = {spec.labels().begin(), spec.labels().end()};
  if (field == "parent_ticket_id") ticket.parent = Resolve(spec.parent_ticket_id(), local_ids);
  if (field == "assignee_agent_id") ticket.assignee = spec.assignee_agent_id();
  if (field == "max_attempts") ticket.max_attempts = spec.max_attempts() ? spec.max_attempts() : 5;
  if (field == "not_before") {
    ticket.backoff.reset();
    ticket.not_before.reset();
    if (spec.has_not_before()) ticket.not_before = ToTime(spec.not_before());
  }
  if (field == "dependencies") {
    ticket.dependencies.clear();
    for (const Dependency& dependency : spec.dependencies()) {
      ticket.dependencies[Resolve(dependency.ticket_id(), local_ids)] =
          dependency.until() == Dependency::UNTIL_INTEGRATED ? Dependency::UNTIL_INTEGRATED
                                                             : Dependency::UNTIL_DONE;
    }
  }
}

int64_t Model::MakeTicket(const Who& who, const v1::TicketSpec& spec, int64_t number,
                          const std::map<std::string, int64_t>& local_ids) {
  Ticket& ticket = tickets[number];
  ticket.creator = ActorOf(who);
  for (const char* field :
       {"title", "body", "priority", "labels", "dependencies", "parent_ticket_id",
        "assignee_agent_id", "not_before", "max_attempts"}) {
    SetField(ticket, field, spec, local_ids);
  }
  return number;
}

Answer Model::Do(const Who& who, const v1::CreateTicketRequest& request) {
  v1::BatchCreateTicketsRequest batch;
  *batch.add_tickets()->mutable_spec() = request.spec();
  return Do(who, batch);
}

Answer Model::Do(const Who& who, const v1::BatchCreateTicketsRequest& request) {
  if (const Refusals gate = Gate(who, true); !gate.empty()) return Refuse(gate);
  const int64_t first = std::max(tickets.empty() ? 0 : tickets.rbegin()->first,
                                 archived.empty() ? 0 : archived.rbegin()->first) +
                        1;
  std::map<std::string, int64_t> local_ids;
  for (int i = 0; i < request.tickets_size(); ++i) {
    const std::string& local_id = request.tickets(i).local_id();
    if (!local_id.empty()) local_ids["@" + local_id] = first + i;
  }
  Refusals refusals;
  for (const v1::NewTicket& member : request.tickets()) {
    Merge(refusals, SpecRefusals(member.spec(), local_ids));
  }
  if (!refusals.empty()) return Refuse(refusals);
  Model trial = *this;
  for (int i = 0; i < request.tickets_size(); ++i) {
    trial.MakeTicket(who, request.tickets(i).spec(), first + i, local_ids);
  }
  if (refusals = trial.EdgeRefusals(); !refusals.empty()) return Refuse(refusals);
  trial.Settle();
  *this = std::move(trial);
  return {};
}

Answer Model::Do(const Who& who, const v1::UpdateTicketRequest& request, bool stale) {
  if (const Refusals gate = Gate(who, false); !gate.empty()) return Refuse(gate);
  const int64_t number = NumberOf(request.ticket_id());
  if (!tickets.contains(number)) return Refuse({Missing(number)});
  Refusals refusals;
  if (!Owns(who, tickets[number])) refusals.insert(v1::ERROR_REASON_NOT_TICKET_OWNER);
  if (stale) refusals.insert(v1::ERROR_REASON_REVISION_MISMATCH);

  Model trial = *this;
  Ticket& ticket = trial.tickets[number];
  v1::TicketSpec references;
  for (const std::string& field : request.update_mask().paths()) {
    // Who may claim it, and when, is settled once it is finished.
    if (Finished(ticket.state) && (field == "dependencies" || field == "parent_ticket_id" ||
                                   field == "assignee_agent_id" || field == "not_before")) {
      refusals.insert(v1::ERROR_REASON_TICKET_STATE);
    }
    if (field == "dependencies") {
      *references.mutable_dependencies() = request.spec().dependencies();
    }
    if (field == "parent_ticket_id") {
      references.set_parent_ticket_id(request.spec().parent_ticket_id());
    }
    trial.SetField(ticket, field, request.spec(), {});
  }
  // What waits has an attempt left.
  const int attempts_needed = ticket.attempt + (ticket.state == State::STATE_OPEN ? 1 : 0);
  if (ticket.max_attempts < attempts_needed) refusals.insert(v1::ERROR_REASON_TICKET_STATE);
  const Refusals unknown = SpecRefusals(references, {});
  Merge(refusals, unknown);
  if (unknown.empty()) Merge(refusals, trial.EdgeRefusals());
  if (!refusals.empty()) return Refuse(refusals);
  trial.Settle();
  *this = std::move(trial);
  return {};
}

// ---- claims ----

void Model::Grant(Ticket& ticket, const std::string& agent_id) {
  ticket.state = State::STATE_CLAIMED;
  ticket.holder = agent_id;
  ticket.session_uid = agents[agent_id].session_uid;
  ticket.fence = ticket.last_fence = kFenceUnknown;
  ticket.not_before.reset();
  ticket.backoff.reset();
  ++ticket.attempt;
  Settle();
}

void Model::Unclaim(Ticket& ticket, v1::Ticket::State state) {
  ticket.state = state;
  ticket.holder.clear();
  ticket.session_uid.clear();
  ticket.fence = 0;
}

void Model::GiveBack(Ticket& ticket) {
  Unclaim(ticket, State::STATE_OPEN);
  --ticket.attempt;
}

void Model::EndAttempt(Ticket& ticket, absl::Duration delay, std::optional<std::string> reason) {
  ticket.outcome = {.actor = ticket.holder, .reason = std::move(reason)};
  if (ticket.attempt >= ticket.max_attempts) {
    ticket.not_before.reset();
    return Unclaim(ticket, State::STATE_BURIED);
  }
  Unclaim(ticket, State::STATE_OPEN);
  if (delay > absl::ZeroDuration()) {
    ticket.backoff = delay;
    ticket.rested = now.mono + delay;
  }
}

void Model::Lose(Ticket& ticket) {
  // The first time may be bad luck.
  EndAttempt(ticket, ticket.attempt == 1 ? absl::ZeroDuration() : BackOff(ticket.attempt - 1), {});
}

void Model::ExpireClaim(int64_t number, int64_t fence) {
  const auto it = tickets.find(number);
  if (it == tickets.end() || it->second.state != State::STATE_CLAIMED ||
      it->second.fence != fence) {
    return;
  }
  Lose(it->second);
  Settle();
}

Answer Model::Do(const Who& who, const v1::ClaimTicketRequest& request) {
  if (const Refusals gate = Gate(who, false); !gate.empty()) return Refuse(gate);
  const int64_t number = NumberOf(request.ticket_id());
  Refusals refusals;
  const std::string self_id = SelfId(who);
  if (self_id.empty()) refusals.insert(v1::ERROR_REASON_SESSION_REQUIRED);
  const auto it = tickets.find(number);
  if (it == tickets.end()) {
    refusals.insert(Missing(number));
    return Refuse(refusals);
  }
  Ticket& ticket = it->second;
  switch (ticket.settled_state) {
    case State::STATE_OPEN:
      if (!IsReady(number)) refusals.insert(v1::ERROR_REASON_TICKET_NOT_DUE);
      if (!ticket.assignee.empty() && ticket.assignee != self_id) {
        refusals.insert(v1::ERROR_REASON_TICKET_ASSIGNED);
      }
      break;
    case State::STATE_BLOCKED:
      refusals.insert(v1::ERROR_REASON_TICKET_BLOCKED);
      break;
    case State::STATE_CLAIMED:
      refusals.insert(v1::ERROR_REASON_TICKET_CLAIMED);
      break;
    default:
      refusals.insert(v1::ERROR_REASON_TICKET_STATE);
  }
  if (!refusals.empty()) return Refuse(refusals);
  Grant(ticket, self_id);
  return {.claimed = number};
}

Answer Model::Do(const Who& who, const v1::ClaimNextTicketRequest& request) {
  if (const Refusals gate = Gate(who, false); !gate.empty()) return Refuse(gate);
  const std::string self_id = SelfId(who);
  if (self_id.empty()) return Refuse({v1::ERROR_REASON_SESSION_REQUIRED});
  std::optional<int> max_priority;
  if (request.has_max_priority()) max_priority = request.max_priority();
  const std::vector<int64_t> ready =
      ReadyFor(self_id, {request.labels().begin(), request.labels().end()}, max_priority);
  if (!ready.empty()) {
    Grant(tickets[ready.front()], self_id);
    return {.claimed = ready.front()};
  }
  NoWork no_work;
  for (const auto& [number, ticket] : tickets) {
    const v1::Ticket::State state = ticket.settled_state;
    if (state == State::STATE_BLOCKED) ++no_work.blocked;
    if (state == State::STATE_CLAIMED) ++no_work.held;
    if (state == State::STATE_OPEN) ++(IsReady(number) ? no_work.filtered : no_work.delayed);
  }
  return {.no_work = no_work};
}

Refusals Model::ClaimRefusals(const Who& who, int64_t number, int64_t fence) const {
  Refusals refusals;
  if (who.kind != Kind::kSession) refusals.insert(v1::ERROR_REASON_SESSION_REQUIRED);
  const auto it = tickets.find(number);
  if (it == tickets.end()) {
    refusals.insert(Missing(number));
    return refusals;
  }
  const Ticket& ticket = it->second;
  if (fence > ticket.last_fence) {
    refusals.insert(v1::ERROR_REASON_INVALID_FIELD);
  } else if (ticket.state != State::STATE_CLAIMED || ticket.holder != ActorOf(who) ||
             ticket.fence != fence) {
    refusals.insert(v1::ERROR_REASON_CLAIM_SUPERSEDED);
  }
  return refusals;
}

Answer Model::Do(const Who& who, const v1::ReleaseTicketRequest& request) {
  if (const Refusals gate = Gate(who, false); !gate.empty()) return Refuse(gate);
  const int64_t number = NumberOf(request.ticket_id());
  Refusals refusals;
  if (!request.force()) {
    refusals = ClaimRefusals(who, number, request.fence());
  } else {
    if (!Trusted(who)) refusals.insert(v1::ERROR_REASON_OPERATOR_REQUIRED);
    if (!tickets.contains(number)) {
      refusals.insert(Missing(number));
    } else if (tickets[number].state != State::STATE_CLAIMED) {
      refusals.insert(v1::ERROR_REASON_TICKET_STATE);
    } else if (request.fence() > tickets[number].last_fence) {
      refusals.insert(v1::ERROR_REASON_INVALID_FIELD);
    } else if (request.fence() != 0 && request.fence() != tickets[number].fence) {
      refusals.insert(v1::ERROR_REASON_CLAIM_SUPERSEDED);
    }
  }
  if (!refusals.empty()) return Refuse(refusals);
  GiveBack(tickets[number]);
  Settle();
  return {};
}

Answer Model::Do(const Who& who, const v1::CompleteTicketRequest& request) {
  if (const Refusals gate = Gate(who, false); !gate.empty()) return Refuse(gate);
  const int64_t number = NumberOf(request.ticket_id());
  if (const Refusals refusals = ClaimRefusals(who, number, request.fence()); !refusals.empty()) {
    return Refuse(refusals);
  }
  Ticket& ticket = tickets[number];
  ticket.outcome = {.actor = ticket.holder,
                    .reason = "",
                    .commit = request.commit(),
                    .summary = request.summary()};
  Unclaim(ticket, State::STATE_DONE);
  Settle();
  return {};
}

Answer Model::Do(const Who& who, const v1::FailTicketRequest& request) {
  if (const Refusals gate = Gate(who, false); !gate.empty()) return Refuse(gate);
  const int64_t number = NumberOf(request.ticket_id());
  if (const Refusals refusals = ClaimRefusals(who, number, request.fence()); !refusals.empty()) {
    return Refuse(refusals);
  }
  Ticket& ticket = tickets[number];
  if (!request.final()) {
    EndAttempt(
        ticket,
        request.has_retry_delay() ? ToDuration(request.retry_delay()) : BackOff(ticket.attempt),
        request.reason());
  } else {
    ticket.outcome = {.actor = ticket.holder, .reason = request.reason()};
    Unclaim(ticket, State::STATE_FAILED);
  }
  Settle();
  return {};
}

Answer Model::Do(const Who& who, const v1::CancelTicketRequest& request) {
  if (const Refusals gate = Gate(who, false); !gate.empty()) return Refuse(gate);
  const int64_t number = NumberOf(request.ticket_id());
  if (!tickets.contains(number)) return Refuse({Missing(number)});
  Ticket& ticket = tickets[number];
  Refusals refusals;
  if (!Owns(who, ticket)) refusals.insert(v1::ERROR_REASON_NOT_TICKET_OWNER);
  if (Finished(ticket.state)) refusals.insert(v1::ERROR_REASON_TICKET_STATE);
  if (!refusals.empty()) return Refuse(refusals);
  ticket.outcome = {.actor = ActorOf(who), .reason = request.reason()};
  Unclaim(ticket, State::STATE_CANCELLED);
  Settle();
  return {};
}

Answer Model::Do(const Who& who, const v1::ReopenTicketRequest& request) {
  if (const Refusals gate = Gate(who, false); !gate.empty()) return Refuse(gate);
  const int64_t number = NumberOf(request.ticket_id());
  if (!tickets.contains(number)) return Refuse({Missing(number)});
  Ticket& ticket = tickets[number];
  const bool buried = ticket.state == State::STATE_BURIED;
  Refusals refusals;
  if (!Owns(who, ticket)) refusals.insert(v1::ERROR_REASON_NOT_TICKET_OWNER);
  if (buried && !Trusted(who)) refusals.insert(v1::ERROR_REASON_OPERATOR_REQUIRED);
  if (!buried && !Finished(ticket.state)) refusals.insert(v1::ERROR_REASON_TICKET_STATE);
  if (!refusals.empty()) return Refuse(refusals);
  ticket.state = State::STATE_OPEN;
  if (ticket.attempt > 0) ticket.not_before.reset();
  ticket.backoff.reset();
  ticket.attempt = 0;
  Settle();
  return {};
}

Answer Model::Do(const Who& who, const v1::AddCommentRequest& request) {
  if (const Refusals gate = Gate(who, false); !gate.empty()) return Refuse(gate);
  const auto it = tickets.find(NumberOf(request.ticket_id()));
  if (it == tickets.end()) return Refuse({Missing(NumberOf(request.ticket_id()))});
  if (it->second.comments == 1000) return Refuse({v1::ERROR_REASON_LIMIT_REACHED});
  ++it->second.comments;
  return {};
}

}  // namespace coordhub::model
