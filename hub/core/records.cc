#include "hub/core/records.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "hub/core/limits.h"

namespace coordhub::core {
namespace {

constexpr std::string_view kTicketPrefix = "T-";
// What fits into an int64_t whatever the digits.
constexpr size_t kTicketDigitsMax = 18;

pb::Blocker MakeBlocker(pb::Blocker::Kind kind, const std::string& ticket_id,
                        const pb::Ticket* target) {
  pb::Blocker blocker;
  blocker.set_ticket_id(ticket_id);
  blocker.set_kind(kind);
  if (target == nullptr) return blocker;
  blocker.set_state(target->state());
  // Nobody works on these any more, so waiting alone never meets the edge. (A child that is FAILED
  // or CANCELLED is finished and is no blocker.)
  blocker.set_stuck(target->state() == pb::Ticket::STATE_FAILED ||
                    target->state() == pb::Ticket::STATE_CANCELLED ||
                    target->state() == pb::Ticket::STATE_BURIED);
  return blocker;
}

}  // namespace

const pb::Ticket* Records::FindTicket(int64_t number) const {
  const auto* ticket = tickets.Find(number);
  return ticket == nullptr ? nullptr : ticket->get();
}

const pb::Agent* Records::FindAgent(std::string_view agent_id) const {
  const auto* agent = agents.Find(agent_id);
  return agent == nullptr ? nullptr : agent->get();
}

const pb::Agent* Records::FindSessionEver(std::string_view session_uid) const {
  const auto* agent = agents_by_session.Find(session_uid);
  return agent == nullptr ? nullptr : agent->get();
}

const pb::Branch* Records::FindBranch(std::string_view name) const {
  const auto* branch = branches.Find(name);
  return branch == nullptr ? nullptr : branch->get();
}

int64_t Records::ImportedUpTo(std::string_view file_id) const {
  const auto* mark = import_marks.Find(file_id);
  return mark == nullptr ? 0 : (*mark)->end_offset();
}

int64_t TicketNumber(std::string_view ticket_id) {
  if (ticket_id.substr(0, kTicketPrefix.size()) != kTicketPrefix) return 0;
  const std::string_view digits = ticket_id.substr(kTicketPrefix.size());
  if (digits.empty() || digits.size() > kTicketDigitsMax || digits.front() == '0') return 0;
  int64_t number = 0;
  for (const char digit : digits) {
    if (digit < '0' || digit > '9') return 0;
    number = number * 10 + (digit - '0');
  }
  return number;
}

std::string TicketId(int64_t number) { return absl::StrCat("T-", number); }

bool IsFinished(pb::Ticket::State state) {
  return state == pb::Ticket::STATE_DONE || state == pb::Ticket::STATE_FAILED ||
         state == pb::Ticket::STATE_CANCELLED;
}

bool IsLive(const pb::Agent& agent) { return agent.state() == pb::Agent::STATE_ACTIVE; }

bool IsMet(const pb::Dependency& dependency, const pb::Ticket* target) {
  if (target == nullptr) return false;
  if (dependency.until() == pb::Dependency::UNTIL_INTEGRATED) return target->has_integration();
  return target->state() == pb::Ticket::STATE_DONE;
}

bool SameDependencies(const pb::Ticket& a, const pb::Ticket& b) {
  return std::equal(a.dependencies().begin(), a.dependencies().end(), b.dependencies().begin(),
                    b.dependencies().end(),
                    [](const auto& x, const auto& y) { return x.ticket_id() == y.ticket_id(); });
}

std::vector<pb::Blocker> UnmetEdgesOf(const Records& records, const pb::Ticket& ticket,
                                      size_t max) {
  std::vector<pb::Blocker> blockers;
  for (const pb::Dependency& dependency : ticket.dependencies()) {
    const pb::Ticket* target = records.FindTicket(TicketNumber(dependency.ticket_id()));
    if (IsMet(dependency, target)) continue;
    if (blockers.size() == max) return blockers;
    blockers.push_back(MakeBlocker(pb::Blocker::KIND_DEPENDENCY, dependency.ticket_id(), target));
  }
  const int64_t number = TicketNumber(ticket.ticket_id());
  for (auto child = records.unfinished_children.LowerBound(std::pair(number, int64_t{0}));
       child.Valid() && child.key().first == number && blockers.size() < max; child.Next()) {
    blockers.push_back(MakeBlocker(pb::Blocker::KIND_CHILD, child->ticket_id(), &*child));
  }
  return blockers;
}

std::vector<pb::Blocker> BlockersOf(const Records& records, const pb::Ticket& ticket) {
  if (ticket.state() != pb::Ticket::STATE_BLOCKED) return {};
  return UnmetEdgesOf(records, ticket, limits::kBlockersShown);
}

}  // namespace coordhub::core
