#include "hub/core/state.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "agent/base/string_view.h"
#include "hub/core/limits.h"
#include "hub/core/proto_time.h"

namespace coordhub::core {
namespace {

int RememberedMax(std::string_view actor) {
  return actor == "operator" ? limits::kRememberedOperator : limits::kRememberedPerAgent;
}

bool SameTime(bool has_a, const google::protobuf::Timestamp& a, bool has_b,
              const google::protobuf::Timestamp& b) {
  return has_a == has_b && a.seconds() == b.seconds() && a.nanos() == b.nanos();
}

const std::string& HolderOf(const pb::Ticket& ticket) { return ticket.claim().agent_id(); }

// The parent that the ticket keeps BLOCKED; 0: none.
int64_t BlockedParentOf(const pb::Ticket& ticket) {
  if (ticket.parent_ticket_id().empty() || IsFinished(ticket.state())) return 0;
  return TicketNumber(ticket.parent_ticket_id());
}

// When a ticket becomes ready: `now`, or later.
base::MonoTime ReadyAt(const pb::Ticket& ticket, const base::Now& now) {
  if (!ticket.has_not_before()) return now.mono;
  return now.mono + std::max(absl::ZeroDuration(), FromProto(ticket.not_before()) - now.wall);
}

}  // namespace

const pb::Agent* State::FindSession(std::string_view session_uid) const {
  const auto it = agent_by_session_.find(base::ToAbsl(session_uid));
  return it == agent_by_session_.end() ? nullptr : FindAgent(it->second);
}

const State::NumberSet& State::DependentsOf(int64_t number) const {
  static const NumberSet& none = *new NumberSet;
  const auto it = dependents_.find(number);
  return it == dependents_.end() ? none : it->second;
}

std::vector<std::string> State::LiveSubAgentsOf(std::string_view agent_id) const {
  std::vector<std::string> children;
  const std::string parent(agent_id);
  for (auto it = sub_agents_.lower_bound({parent, ""});
       it != sub_agents_.end() && it->first == parent; ++it) {
    children.push_back(it->second);
  }
  return children;
}

std::string State::OwnerOfBranch(std::string_view branch) const {
  const auto it = agents_by_branch_.lower_bound({std::string(branch), 0, ""});
  if (it == agents_by_branch_.end() || std::get<0>(*it) != branch) return "";
  return std::get<2>(*it);
}

const pb::Agent* State::OldestEndedAgent() const {
  return ended_agents_.empty() ? nullptr : FindAgent(ended_agents_.begin()->second);
}

int State::ClaimsHeldBy(std::string_view agent_id) const {
  const auto it = claims_held_.find(base::ToAbsl(agent_id));
  return it == claims_held_.end() ? 0 : it->second;
}

const jpb::RememberedRequest* State::FindRequest(std::string_view actor,
                                                 std::string_view request_id) const {
  const auto it = request_index_.find(RequestName(base::ToAbsl(actor), base::ToAbsl(request_id)));
  return it == request_index_.end() ? nullptr : it->get();
}

void State::DoesNotApply(const std::string& what) {
  std::fprintf(stderr, "FATAL: the journal cannot be applied: %s\n", what.c_str());
  std::abort();
}

void State::Evolve(const std::shared_ptr<const pb::Event>& event,
                   const jpb::CommitPrivate* private_bytes, const base::Now& now) {
  if (event->revision() != revision_ + 1) {
    DoesNotApply(absl::StrCat("event ", event->revision(), " after revision ", revision_));
  }
  revision_ = event->revision();
  last_event_time_ = FromProto(event->event_time());
  for (const pb::RecordChange& change : event->changes()) ApplyChange(event, change, now);
  if (private_bytes == nullptr) return;
  if (private_bytes->has_import()) ApplyImport(private_bytes->import());
  if (!private_bytes->has_request()) return;
  auto request = std::make_shared<jpb::RememberedRequest>();
  *request->mutable_key() = private_bytes->request();
  request->set_first_revision(event->revision());
  request->set_commit_revision(event->commit_revision());
  Remember(request);
}

void State::ApplyChange(const std::shared_ptr<const pb::Event>& event,
                        const pb::RecordChange& change, const base::Now& now) {
  if (change.erased() && change.record_case() == pb::RecordChange::kAgent)
    return EraseAgent(change.agent().agent_id());
  if (change.erased() && change.record_case() == pb::RecordChange::kBranch)
    return EraseBranch(change.branch().branch());
  // Records are held inside their event: aliasing pointers, no copies.
  switch (change.erased() ? pb::RecordChange::RECORD_NOT_SET : change.record_case()) {
    case pb::RecordChange::kAgent:
      return PutAgent({event, &change.agent()});
    case pb::RecordChange::kTicket:
      return PutTicket({event, &change.ticket()}, now);
    case pb::RecordChange::kTicketBody:
      records_.bodies.Put(TicketNumber(change.ticket_body().ticket_id()),
                          {event, &change.ticket_body()});
      return;
    case pb::RecordChange::kComment:
      // But these: a comment stays for good, and would keep the ticket of its event, which does
      // not.
      records_.comments.Put({TicketNumber(change.comment().ticket_id()), change.comment().number()},
                            std::make_shared<const pb::Comment>(change.comment()));
      return;
    case pb::RecordChange::kBranch:
      records_.branches.Put(change.branch().branch(), {event, &change.branch()});
      return;
    default:
      DoesNotApply(absl::StrCat(
          "event ", event->revision(), " of kind ", pb::EventKind_Name(event->kind()),
          " changes a record that this version does not know (field ",
          static_cast<int>(change.record_case()), change.erased() ? ", erased)" : ")"));
  }
}

void State::ApplyImport(const jpb::ImportStep& import) {
  for (const std::string& file_id : import.forgotten_file_ids()) {
    records_.import_marks.Erase(file_id);
  }
  records_.import_marks.Put(import.mark().file_id(),
                            std::make_shared<const jpb::ImportMark>(import.mark()));
}

void State::PutTicket(const std::shared_ptr<const pb::Ticket>& ticket, const base::Now& now) {
  const int64_t number = TicketNumber(ticket->ticket_id());
  if (number == 0) DoesNotApply(absl::StrCat("malformed ticket id ", ticket->ticket_id()));
  TouchTicket(number);
  const std::shared_ptr<const pb::Ticket> before = records_.tickets.Put(number, ticket);
  last_ticket_number_ = std::max(last_ticket_number_, number);
  IndexDerived(number, before.get(), ticket);
  IndexDependents(number, before.get(), ticket.get());
  IndexClaim(before.get(), ticket.get());
  Enqueue(number, before.get(), ticket, now);
}

void State::PutAgent(const std::shared_ptr<const pb::Agent>& agent) {
  if (has_view_) touched_agents_.insert(agent->agent_id());
  const std::shared_ptr<const pb::Agent> before = records_.agents.Put(agent->agent_id(), agent);
  IndexSession(before.get(), agent);
  IndexAgent(before.get(), agent.get());
}

void State::EraseAgent(const std::string& agent_id) {
  if (has_view_) touched_agents_.insert(agent_id);
  const std::shared_ptr<const pb::Agent> before = records_.agents.Erase(agent_id);
  if (before == nullptr)
    DoesNotApply(absl::StrCat("erases agent ", agent_id, ", which does not exist"));
  IndexSession(before.get(), nullptr);
  IndexAgent(before.get(), nullptr);
  for (;;) {
    const auto oldest = records_.requests.LowerBound(std::pair(agent_id, int64_t{0}));
    if (!oldest.Valid() || oldest.key().first != agent_id) return;
    ForgetRequest(agent_id, oldest.key().second);
  }
}

void State::EraseBranch(const std::string& name) {
  if (records_.branches.Erase(name) == nullptr)
    DoesNotApply(absl::StrCat("erases branch ", name, ", which does not exist"));
}

void State::Remember(const RequestPtr& request) {
  const std::string& actor = request->key().actor();
  const int64_t commit_revision = request->commit_revision();
  if (has_view_) touched_requests_.emplace(actor, commit_revision);
  if (FindRequest(actor, request->key().request_id()) != nullptr) {
    DoesNotApply(
        absl::StrCat("request ", request->key().request_id(), " of ", actor, " happens twice"));
  }
  IndexRequest(nullptr, request);
  records_.requests.Put({actor, commit_revision}, request);
  if (requests_per_actor_[actor] <= RememberedMax(actor)) return;
  const auto oldest = records_.requests.LowerBound(std::pair(actor, int64_t{0}));
  ForgetRequest(actor, oldest.key().second);
}

void State::ForgetRequest(const std::string& actor, int64_t commit_revision) {
  if (has_view_) touched_requests_.emplace(actor, commit_revision);
  IndexRequest(records_.requests.Erase(std::pair(actor, commit_revision)), nullptr);
}

void State::AnchorDelays(const base::Now& now) {
  ready_.Reanchor([&](const pb::Ticket& ticket) { return ReadyAt(ticket, now); }, now.mono);
}

std::shared_ptr<const View> State::MakeView() {
  has_view_ = true;
  touched_tickets_.clear();
  touched_agents_.clear();
  touched_requests_.clear();
  auto view = std::make_shared<View>();
  view->records = records_.Snapshot();
  view->revision = revision_;
  view->last_ticket_number = last_ticket_number_;
  view->last_event_time = last_event_time_;
  return view;
}

// ---- indexes ----

void State::IndexSession(const pb::Agent* before, const std::shared_ptr<const pb::Agent>& after) {
  if (before != nullptr && (after == nullptr || before->session_uid() != after->session_uid())) {
    records_.agents_by_session.Erase(before->session_uid());
  }
  if (after != nullptr) records_.agents_by_session.Put(after->session_uid(), after);
}

void State::IndexDerived(int64_t number, const pb::Ticket* before,
                         const std::shared_ptr<const pb::Ticket>& after) {
  // Entries that stay are overwritten with the new record; those that move leave their old place
  // first.
  if (before != nullptr) {
    --records_.ticket_counts[before->state()];
    if (before->state() != after->state()) {
      records_.tickets_by_state.Erase(std::pair<int, int64_t>(before->state(), number));
    }
    if (before->has_claim() && HolderOf(*before) != HolderOf(*after)) {
      records_.tickets_by_holder.Erase(std::pair(HolderOf(*before), number));
    }
    if (!before->parent_ticket_id().empty() &&
        before->parent_ticket_id() != after->parent_ticket_id()) {
      records_.tickets_by_parent.Erase(std::pair(TicketNumber(before->parent_ticket_id()), number));
    }
  }
  ++records_.ticket_counts[after->state()];
  records_.tickets_by_state.Put({after->state(), number}, after);
  if (after->has_claim()) records_.tickets_by_holder.Put({HolderOf(*after), number}, after);
  if (!after->parent_ticket_id().empty()) {
    records_.tickets_by_parent.Put({TicketNumber(after->parent_ticket_id()), number}, after);
  }
  const int64_t unblocked = before == nullptr ? 0 : BlockedParentOf(*before);
  const int64_t blocked = BlockedParentOf(*after);
  if (unblocked != 0 && unblocked != blocked) {
    records_.unfinished_children.Erase(std::pair(unblocked, number));
  }
  if (blocked != 0) records_.unfinished_children.Put({blocked, number}, after);
}

void State::IndexClaim(const pb::Ticket* before, const pb::Ticket* after) {
  const bool held = before != nullptr && before->has_claim();
  const bool holds = after != nullptr && after->has_claim();
  if (held && holds && HolderOf(*before) == HolderOf(*after)) return;
  if (held) {
    const auto it = claims_held_.find(HolderOf(*before));
    if (--it->second == 0) claims_held_.erase(it);
  }
  if (holds) ++claims_held_[HolderOf(*after)];
}

void State::IndexDependents(int64_t number, const pb::Ticket* before, const pb::Ticket* after) {
  if (before != nullptr && after != nullptr && SameDependencies(*before, *after)) return;
  if (before != nullptr) {
    for (const pb::Dependency& dependency : before->dependencies()) {
      const auto it = dependents_.find(TicketNumber(dependency.ticket_id()));
      if (it == dependents_.end()) continue;
      it->second.erase(number);
      if (it->second.empty()) dependents_.erase(it);
    }
  }
  if (after == nullptr) return;
  for (const pb::Dependency& dependency : after->dependencies()) {
    dependents_[TicketNumber(dependency.ticket_id())].insert(number);
  }
}

void State::IndexAgent(const pb::Agent* before, const pb::Agent* after) {
  if (before != nullptr && IsLive(*before)) {
    agent_by_session_.erase(before->session_uid());
    sub_agents_.erase({before->parent_agent_id(), before->agent_id()});
    agents_by_branch_.erase({before->branch(), before->fence(), before->agent_id()});
  } else if (before != nullptr) {
    ended_agents_.erase({before->mod_revision(), before->agent_id()});
  }
  if (after == nullptr) return;
  if (!IsLive(*after)) {
    ended_agents_.emplace(after->mod_revision(), after->agent_id());
    return;
  }
  agent_by_session_[after->session_uid()] = after->agent_id();
  if (!after->parent_agent_id().empty())
    sub_agents_.emplace(after->parent_agent_id(), after->agent_id());
  if (!after->branch().empty())
    agents_by_branch_.emplace(after->branch(), after->fence(), after->agent_id());
}

void State::IndexRequest(const RequestPtr& before, const RequestPtr& after) {
  if (before != nullptr) {
    request_index_.erase(before);
    const auto count = requests_per_actor_.find(before->key().actor());
    if (--count->second == 0) requests_per_actor_.erase(count);
  }
  if (after != nullptr) {
    request_index_.insert(after);
    ++requests_per_actor_[after->key().actor()];
  }
}

void State::Enqueue(int64_t number, const pb::Ticket* before,
                    const std::shared_ptr<const pb::Ticket>& after, const base::Now& now) {
  if (after->state() != pb::Ticket::STATE_OPEN) return ready_.Remove(number);
  if (before != nullptr && before->state() == pb::Ticket::STATE_OPEN &&
      SameTime(before->has_not_before(), before->not_before(), after->has_not_before(),
               after->not_before())) {
    return ready_.Update(number, after);
  }
  ready_.Add(number, after, ReadyAt(*after, now), now.mono);
}

}  // namespace coordhub::core
