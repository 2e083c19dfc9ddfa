#include "hub/core/indexes.h"

#include "agent/base/string_view.h"
#include "hub/core/records.h"

namespace coordhub::core {
namespace {

const std::string& HolderOf(const pb::Ticket& ticket) { return ticket.claim().agent_id(); }

}  // namespace

void DependentsIndex::Change(Tag<tables::Tickets>, int64_t number, const pb::Ticket* before,
                             const pb::Ticket* after) {
  const bool was_finished = before != nullptr && IsFinished(before->state());
  const bool is_finished = after != nullptr && IsFinished(after->state());
  if (before != nullptr && after != nullptr && was_finished == is_finished &&
      SameDependencies(*before, *after)) {
    return;
  }
  if (before != nullptr) {
    for (const pb::Dependency& dependency : before->dependencies()) {
      const auto it = dependents_.find(TicketNumber(dependency.ticket_id()));
      if (it == dependents_.end()) continue;
      (was_finished ? it->second.finished : it->second.unfinished).erase(number);
      if (it->second.empty()) dependents_.erase(it);
    }
  }
  if (after == nullptr) return;
  for (const pb::Dependency& dependency : after->dependencies()) {
    Dependents& dependents = dependents_[TicketNumber(dependency.ticket_id())];
    (is_finished ? dependents.finished : dependents.unfinished).insert(number);
  }
}

const DependentsIndex::Dependents& DependentsIndex::Of(int64_t number) const {
  static const Dependents& none = *new Dependents;
  const auto it = dependents_.find(number);
  return it == dependents_.end() ? none : it->second;
}

void FinishedIndex::Change(Tag<tables::Tickets>, int64_t number, const pb::Ticket* before,
                           const pb::Ticket* after) {
  if (before != nullptr && IsFinished(before->state())) {
    order_.erase({before->mod_revision(), number});
  }
  if (after != nullptr && IsFinished(after->state())) order_.emplace(after->mod_revision(), number);
}

void ClaimsIndex::Change(Tag<tables::Tickets>, int64_t /*number*/, const pb::Ticket* before,
                         const pb::Ticket* after) {
  const bool held = before != nullptr && before->has_claim();
  const bool holds = after != nullptr && after->has_claim();
  if (held && holds && HolderOf(*before) == HolderOf(*after)) return;
  if (held) {
    const auto it = held_.find(HolderOf(*before));
    if (--it->second == 0) held_.erase(it);
  }
  if (holds) ++held_[HolderOf(*after)];
}

int ClaimsIndex::HeldBy(std::string_view agent_id) const {
  const auto it = held_.find(base::ToAbsl(agent_id));
  return it == held_.end() ? 0 : it->second;
}

std::string_view WithoutTrailingSlashes(std::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  return path;
}

void AgentsIndex::Change(Tag<tables::Agents>, const std::string& /*agent_id*/,
                         const pb::Agent* before, const pb::Agent* after) {
  if (before != nullptr && IsLive(*before)) {
    by_session_.erase(before->session_uid());
    sub_agents_.erase({before->parent_agent_id(), before->agent_id()});
    by_branch_.erase({before->branch(), before->fence(), before->agent_id()});
    by_worktree_.erase({std::string(WithoutTrailingSlashes(before->worktree())), before->fence(),
                        before->agent_id()});
  } else if (before != nullptr) {
    ended_.erase({before->mod_revision(), before->agent_id()});
  }
  if (after == nullptr) return;
  if (!IsLive(*after)) {
    ended_.emplace(after->mod_revision(), after->agent_id());
    return;
  }
  by_session_[after->session_uid()] = after->agent_id();
  if (!after->parent_agent_id().empty())
    sub_agents_.emplace(after->parent_agent_id(), after->agent_id());
  if (!after->branch().empty())
    by_branch_.emplace(after->branch(), after->fence(), after->agent_id());
  if (!after->worktree().empty()) {
    by_worktree_.emplace(WithoutTrailingSlashes(after->worktree()), after->fence(),
                         after->agent_id());
  }
}

const std::string* AgentsIndex::OfSession(std::string_view session_uid) const {
  const auto it = by_session_.find(base::ToAbsl(session_uid));
  return it == by_session_.end() ? nullptr : &it->second;
}

std::vector<std::string> AgentsIndex::LiveSubAgentsOf(std::string_view agent_id) const {
  std::vector<std::string> children;
  const std::string parent(agent_id);
  for (auto it = sub_agents_.lower_bound({parent, ""});
       it != sub_agents_.end() && it->first == parent; ++it) {
    children.push_back(it->second);
  }
  return children;
}

std::string AgentsIndex::OwnerOfBranch(std::string_view branch) const {
  const auto it = by_branch_.lower_bound({std::string(branch), 0, ""});
  if (it == by_branch_.end() || std::get<0>(*it) != branch) return "";
  return std::get<2>(*it);
}

std::vector<std::string> AgentsIndex::LiveInWorktree(std::string_view worktree) const {
  std::vector<std::string> agents;
  for (auto it = by_worktree_.lower_bound({std::string(worktree), 0, ""});
       it != by_worktree_.end() && std::get<0>(*it) == worktree; ++it) {
    agents.push_back(std::get<2>(*it));
  }
  return agents;
}

const std::string* AgentsIndex::OldestEnded() const {
  return ended_.empty() ? nullptr : &ended_.begin()->second;
}

void RequestsIndex::Change(Tag<tables::Requests>, const tables::Requests::Key& key,
                           const RequestPtr& before, const RequestPtr& after) {
  if (before != nullptr) {
    by_name_.erase(before);
    const auto count = counts_.find(key.first);
    if (--count->second == 0) counts_.erase(count);
  }
  if (after != nullptr) {
    by_name_.insert(after);
    ++counts_[key.first];
  }
}

const jpb::RememberedRequest* RequestsIndex::Find(std::string_view actor, std::string_view client,
                                                  std::string_view request_id) const {
  const auto it =
      by_name_.find(Name(base::ToAbsl(actor), base::ToAbsl(client), base::ToAbsl(request_id)));
  return it == by_name_.end() ? nullptr : it->get();
}

int RequestsIndex::CountOf(const std::string& window) const {
  const auto it = counts_.find(window);
  return it == counts_.end() ? 0 : it->second;
}

void ReadyIndex::Change(Tag<tables::Tickets>, int64_t number, const TicketPtr& before,
                        const TicketPtr& after, const base::Now& now) {
  if (noting_) places_before_.push_back(queue_.PlaceOf(number));
  if (after == nullptr) return queue_.Remove(number);
  queue_.Put(number, before.get(), after, now);
}

void ReadyIndex::Undo(Tag<tables::Tickets>, int64_t number, const TicketPtr& before,
                      const base::Now& now) {
  const ReadyQueue::Place place = places_before_.back();
  places_before_.pop_back();
  queue_.PutBack(number, before, place, now);
}

void ReadyIndex::Note() {
  noting_ = true;
  places_before_.clear();
}

}  // namespace coordhub::core
