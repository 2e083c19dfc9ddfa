#include "hub/core/records.h"

#include <algorithm>
#include <bit>
#include <optional>

#include "absl/strings/str_cat.h"
#include "hub/core/limits.h"

namespace coordhub::core {
namespace {

pb::Blocker MakeBlocker(pb::Blocker::Kind kind, const std::string& ticket_id,
                        const pb::Ticket* target) {
  pb::Blocker blocker;
  blocker.set_ticket_id(ticket_id);
  blocker.set_kind(kind);
  // It is archived as it was, and does not change any more.
  blocker.set_stuck(target == nullptr);
  if (target == nullptr) return blocker;
  blocker.set_state(target->state());
  // Nobody works on these any more, so waiting alone never meets the edge. (A child that is FAILED
  // or CANCELLED is finished and is no blocker.)
  blocker.set_stuck(target->state() == pb::Ticket::STATE_FAILED ||
                    target->state() == pb::Ticket::STATE_CANCELLED ||
                    target->state() == pb::Ticket::STATE_BURIED);
  return blocker;
}

const std::string& HolderOf(const pb::Ticket& ticket) { return ticket.claim().agent_id(); }

int64_t ParentOf(const pb::Ticket& ticket) { return TicketNumber(ticket.parent_ticket_id()); }

// The parent that the ticket keeps BLOCKED; 0: none.
int64_t BlockedParentOf(const pb::Ticket& ticket) {
  return IsFinished(ticket.state()) ? 0 : ParentOf(ticket);
}

}  // namespace

void TicketLists::Change(Tag<tables::Tickets>, int64_t number, const pb::Ticket* before,
                         const std::shared_ptr<const pb::Ticket>& after) {
  // Entries that stay are overwritten with the new record; those that move leave their old place
  // first. Key of a list that a ticket is not in: nullopt.
  const auto move = [&](auto& list, auto from, auto to) {
    if (from.has_value() && from != to) list.Erase(*from);
    if (to.has_value()) list.Put(*to, after);
  };
  const auto keys = [&](auto key_of) {
    using Key = decltype(key_of(*before));
    return std::pair(before == nullptr ? Key() : key_of(*before),
                     after == nullptr ? Key() : key_of(*after));
  };
  const auto [from_state, to_state] = keys([&](const pb::Ticket& ticket) {
    return std::optional(std::pair<int, int64_t>(ticket.state(), number));
  });
  move(tickets_by_state, from_state, to_state);
  const auto [from_holder, to_holder] = keys([&](const pb::Ticket& ticket) {
    return ticket.has_claim() ? std::optional(std::pair(HolderOf(ticket), number)) : std::nullopt;
  });
  move(tickets_by_holder, from_holder, to_holder);
  const auto below = [&](int64_t parent) {
    return parent == 0 ? std::nullopt : std::optional(std::pair(parent, number));
  };
  const auto [from_parent, to_parent] =
      keys([&](const pb::Ticket& ticket) { return below(ParentOf(ticket)); });
  move(tickets_by_parent, from_parent, to_parent);
  const auto [from_blocked, to_blocked] =
      keys([&](const pb::Ticket& ticket) { return below(BlockedParentOf(ticket)); });
  move(unfinished_children, from_blocked, to_blocked);
  if (before != nullptr) --ticket_counts[before->state()];
  if (after != nullptr) ++ticket_counts[after->state()];
}

void SessionLists::Change(Tag<tables::Agents>, const std::string& /*agent_id*/,
                          const pb::Agent* before, const std::shared_ptr<const pb::Agent>& after) {
  if (before != nullptr && (after == nullptr || before->session_uid() != after->session_uid())) {
    agents_by_session.Erase(before->session_uid());
  }
  if (after != nullptr) agents_by_session.Put(after->session_uid(), after);
}

void ArchiveTotals::Change(Tag<tables::Archived>, int64_t /*block*/,
                           const jpb::ArchivedTickets* before,
                           const std::shared_ptr<const jpb::ArchivedTickets>& after) {
  const auto count = [](const jpb::ArchivedTickets& block) {
    int64_t bits = 0;
    for (const char byte : block.archived())
      bits += std::popcount(static_cast<unsigned char>(byte));
    return bits;
  };
  if (before != nullptr) archived_tickets -= count(*before);
  if (after != nullptr) archived_tickets += count(*after);
}

void SessionLists::Change(Tag<tables::Reservations>, const std::string& id,
                          const pb::Reservation* before,
                          const std::shared_ptr<const pb::Reservation>& after) {
  const auto held = [](const pb::Reservation* reservation) {
    return reservation != nullptr && reservation->state() == pb::Reservation::STATE_HELD;
  };
  // One that is transferred leaves its old holder's place first.
  if (held(before)) reservations_by_holder.Erase(std::pair(before->agent_id(), id));
  if (held(after.get())) reservations_by_holder.Put(std::pair(after->agent_id(), id), after);
}

void ConflictLists::Change(Tag<tables::Conflicts>, const tables::Conflicts::Key& key,
                           const pb::Conflict* /*before*/,
                           const std::shared_ptr<const pb::Conflict>& after) {
  const std::pair<std::string, std::string> swapped(key.second, key.first);
  if (after == nullptr) {
    conflicts_by_branch.Erase(key);
    conflicts_by_branch.Erase(swapped);
    return;
  }
  conflicts_by_branch.Put(key, after);
  conflicts_by_branch.Put(swapped, after);
}

void RoundLists::Change(Tag<tables::Rounds>, int64_t number, const pb::Round* before,
                        const std::shared_ptr<const pb::Round>& after) {
  const auto for_each_subject = [number](const pb::Round& round, const auto& fn) {
    for (const pb::RoundMember& member : round.members()) {
      fn(std::tuple(Subject::kBranch, member.branch(), number));
      if (!member.agent_id().empty()) fn(std::tuple(Subject::kAgent, member.agent_id(), number));
    }
    for (const std::string& ticket_id : round.tickets().ticket_ids()) {
      fn(std::tuple(Subject::kTicket, ticket_id, number));
    }
  };
  const bool was_active = before != nullptr && IsActive(*before);
  if (after == nullptr || !IsActive(*after)) {
    if (!was_active) return;
    active_rounds.Erase(number);
    for_each_subject(*before, [this](const auto& key) { rounds_by_subject.Erase(key); });
    return;
  }
  // Members and tickets are sealed: what was listed is overwritten.
  active_rounds.Put(number, after);
  for_each_subject(*after, [&](const auto& key) { rounds_by_subject.Put(key, after); });
}

const pb::Round* RoundLists::ActiveRoundOf(const std::string& branch) const {
  const auto round = rounds_by_subject.LowerBound(std::tuple(Subject::kBranch, branch, int64_t{0}));
  const bool found = round.Valid() && std::get<0>(round.key()) == Subject::kBranch &&
                     std::get<1>(round.key()) == branch;
  return found ? &*round : nullptr;
}

void RequestTotals::Change(Tag<tables::Requests>, const tables::Requests::Key& /*key*/,
                           const jpb::RememberedRequest* before,
                           const std::shared_ptr<const jpb::RememberedRequest>& after) {
  if (before != nullptr) remembered_bytes -= tables::Requests::BytesOf(*before);
  if (after != nullptr) remembered_bytes += tables::Requests::BytesOf(*after);
}

const pb::Ticket* Records::FindTicket(int64_t number) const {
  return Find<tables::Tickets>(number);
}

const pb::Agent* Records::FindAgent(std::string_view agent_id) const {
  const auto* agent = of<tables::Agents>().Find(agent_id);
  return agent == nullptr ? nullptr : agent->get();
}

const pb::Agent* Records::FindSessionEver(std::string_view session_uid) const {
  const auto* agent = agents_by_session.Find(session_uid);
  return agent == nullptr ? nullptr : agent->get();
}

const pb::Branch* Records::FindBranch(std::string_view name) const {
  const auto* branch = of<tables::Branches>().Find(name);
  return branch == nullptr ? nullptr : branch->get();
}

bool Records::IsArchived(int64_t number) const {
  const auto* block = Find<tables::Archived>(tables::Archived::BlockOf(number));
  return block != nullptr && tables::Archived::Has(block->archived(), number);
}

bool Records::ArchivedMeets(int64_t number, pb::Dependency::Until until) const {
  const auto* block = Find<tables::Archived>(tables::Archived::BlockOf(number));
  return block != nullptr &&
         tables::Archived::Has(
             until == pb::Dependency::UNTIL_INTEGRATED ? block->integrated() : block->done(),
             number);
}

int64_t Records::ImportedUpTo(std::string_view file_id) const {
  const auto* mark = of<tables::ImportMarks>().Find(file_id);
  return mark == nullptr ? 0 : (*mark)->end_offset();
}

bool IsFinished(pb::Ticket::State state) {
  return state == pb::Ticket::STATE_DONE || state == pb::Ticket::STATE_FAILED ||
         state == pb::Ticket::STATE_CANCELLED;
}

bool IsActive(const pb::Round& round) {
  return round.state() == pb::Round::STATE_OPEN || round.state() == pb::Round::STATE_READY ||
         round.state() == pb::Round::STATE_INTEGRATING;
}

bool IsLive(const pb::Agent& agent) { return agent.state() == pb::Agent::STATE_ACTIVE; }

bool IsMet(const Records& records, const pb::Dependency& dependency, const pb::Ticket* target) {
  if (target == nullptr) {
    return records.ArchivedMeets(TicketNumber(dependency.ticket_id()), dependency.until());
  }
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
    if (IsMet(records, dependency, target)) continue;
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
