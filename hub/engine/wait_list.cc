#include "hub/engine/wait_list.h"

#include <algorithm>

#include "agent/base/mutant.h"
namespace coordhub::engine {

WaitList::GroupKey WaitList::KeyOf(const core::ClaimSelector& selector) {
  return {selector.labels, selector.max_priority.value_or(-1)};
}

bool WaitList::Add(Waiter&& waiter) {
  if (size() >= capacity_) return false;
  if (waiter.sequence == 0) waiter.sequence = next_sequence_++;
  const CallId id = waiter.call.id;
  const std::pair<uint64_t, CallId> place{waiter.sequence, id};
  Group& group = groups_[KeyOf(waiter.selector)];
  group.all.insert(place);
  group.by_agent[waiter.selector.agent_id].insert(place);
  overdue_.insert({waiter.wait_until, id});
  by_session_[waiter.session_uid].insert(place);
  for (const Call::Joined& joined : waiter.call.joined) joined_.emplace(joined.id, id);
  waiters_.emplace(id, std::move(waiter));
  return true;
}

std::optional<CallId> WaitList::FirstFor(const v1::Ticket& ticket) const {
  std::optional<std::pair<uint64_t, CallId>> first;
  for (const auto& [key, group] : groups_) {
    core::ClaimSelector selector;
    selector.agent_id = ticket.assignee_agent_id();
    selector.labels = key.first;
    if (key.second >= 0) selector.max_priority = key.second;
    if (!core::ReadyQueue::Admits(selector, ticket)) continue;
    const Queue* queue = &group.all;
    if (!ticket.assignee_agent_id().empty()) {
      const auto it = group.by_agent.find(ticket.assignee_agent_id());
      if (it == group.by_agent.end()) continue;
      queue = &it->second;
    }
    if (queue->empty()) continue;
    const auto place = base::MutantActive("waiter_lifo") ? *queue->rbegin() : *queue->begin();
    if (!first || place < *first) first = place;
  }
  if (!first) return std::nullopt;
  return first->second;
}

WaitList::Waiter WaitList::Take(CallId id) {
  const auto it = waiters_.find(id);
  Waiter waiter = std::move(it->second);
  waiters_.erase(it);
  for (const Call::Joined& joined : waiter.call.joined) joined_.erase(joined.id);
  const std::pair<uint64_t, CallId> place{waiter.sequence, id};
  const auto group = groups_.find(KeyOf(waiter.selector));
  group->second.all.erase(place);
  const auto agent = group->second.by_agent.find(waiter.selector.agent_id);
  agent->second.erase(place);
  if (agent->second.empty()) group->second.by_agent.erase(agent);
  if (group->second.all.empty()) groups_.erase(group);
  overdue_.erase({waiter.wait_until, id});
  const auto session = by_session_.find(waiter.session_uid);
  session->second.erase(place);
  if (session->second.empty()) by_session_.erase(session);
  return waiter;
}

bool WaitList::Join(Waiter* waiter, Call* call) {
  if (size() >= capacity_) return false;
  joined_.emplace(call->id, waiter->call.id);
  waiter->call.joined.push_back({call->id, std::move(call->done)});
  return true;
}

Done WaitList::Leave(CallId caller) {
  const auto alias = joined_.find(caller);
  const CallId id = alias == joined_.end() ? caller : alias->second;
  const auto waiter = waiters_.find(id);
  if (waiter == waiters_.end()) return nullptr;
  Done left = waiter->second.call.Leave(caller);
  if (alias != joined_.end()) joined_.erase(alias);
  if (waiter->second.call.abandoned()) Take(id);
  return left;
}

std::vector<WaitList::Waiter> WaitList::TakeEach(const std::vector<CallId>& ids) {
  std::vector<Waiter> taken;
  taken.reserve(ids.size());
  for (const CallId id : ids) taken.push_back(Take(id));
  std::sort(taken.begin(), taken.end(),
            [](const Waiter& a, const Waiter& b) { return a.sequence < b.sequence; });
  return taken;
}

std::vector<WaitList::Waiter> WaitList::TakeOverdue(base::MonoTime now) {
  std::vector<CallId> ids;
  for (const auto& [until, id] : overdue_) {
    if (until > now) break;
    ids.push_back(id);
  }
  return TakeEach(ids);
}

std::vector<WaitList::Waiter> WaitList::TakeSession(const std::string& session_uid) {
  std::vector<CallId> ids;
  const auto it = by_session_.find(session_uid);
  if (it != by_session_.end()) {
    for (const auto& [sequence, id] : it->second) ids.push_back(id);
  }
  return TakeEach(ids);
}

std::vector<WaitList::Waiter> WaitList::TakeAll() {
  std::vector<CallId> ids;
  ids.reserve(waiters_.size());
  for (const auto& [id, waiter] : waiters_) ids.push_back(id);
  return TakeEach(ids);
}

std::optional<base::MonoTime> WaitList::NextOverdue() const {
  if (overdue_.empty()) return std::nullopt;
  return overdue_.begin()->first;
}

WaitList::Waiter* WaitList::FindRequest(const std::string& session_uid, const std::string& client,
                                        const std::string& request_id) {
  const auto it = by_session_.find(session_uid);
  if (it == by_session_.end()) return nullptr;
  for (const auto& [sequence, id] : it->second) {
    Waiter& waiter = waiters_.at(id);
    const core::Command& command = *waiter.call.command;
    if (command.request_id == request_id && command.client == client) return &waiter;
  }
  return nullptr;
}

}  // namespace coordhub::engine
