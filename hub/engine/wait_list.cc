#include "hub/engine/wait_list.h"

#include <variant>

namespace coordhub::engine {
namespace {

const std::vector<std::string>& NamesOf(const core::Waiting& what) {
  static const std::vector<std::string> kNone;
  const auto* wanted = std::get_if<core::NamesWanted>(&what.wanted);
  return wanted == nullptr ? kNone : wanted->names;
}

}  // namespace

bool WaitList::Add(Waiter&& waiter, core::Waiting&& what) {
  if (size() >= capacity_) return false;
  absl::btree_set<Place>& of_session = by_session_[what.session_uid];
  const Place place = queue_.Enter(std::move(what));
  of_session.insert(place);
  overdue_.insert({waiter.wait_until, place});
  places_.emplace(waiter.call.id, place);
  for (const Call::Joined& joined : waiter.call.joined) places_.emplace(joined.id, place);
  waiters_.emplace(place, std::move(waiter));
  return true;
}

const WaitList::Waiter* WaitList::Find(Place place) const {
  const auto it = waiters_.find(place);
  return it == waiters_.end() ? nullptr : &it->second;
}

Call WaitList::Take(Place place) {
  const auto it = waiters_.find(place);
  Waiter waiter = std::move(it->second);
  waiters_.erase(it);
  overdue_.erase({waiter.wait_until, place});
  places_.erase(waiter.call.id);
  for (const Call::Joined& joined : waiter.call.joined) places_.erase(joined.id);
  const core::Waiting what = queue_.Leave(place);
  const auto session = by_session_.find(what.session_uid);
  session->second.erase(place);
  if (session->second.empty()) by_session_.erase(session);
  for (const std::string& name : NamesOf(what)) Wake(name);
  return std::move(waiter.call);
}

bool WaitList::Join(Place place, Call* call) {
  if (size() >= capacity_) return false;
  places_.emplace(call->id, place);
  waiters_.at(place).call.joined.push_back({call->id, std::move(call->done)});
  return true;
}

Done WaitList::Leave(CallId caller) {
  const auto it = places_.find(caller);
  if (it == places_.end()) return nullptr;
  const Place place = it->second;
  places_.erase(it);
  Call& call = waiters_.at(place).call;
  Done left = call.Leave(caller);
  if (call.abandoned()) Take(place);
  return left;
}

std::vector<Call> WaitList::TakeEach(const absl::btree_set<Place>& places) {
  std::vector<Call> taken;
  taken.reserve(places.size());
  for (const Place place : places) taken.push_back(Take(place));
  return taken;
}

std::vector<WaitList::Place> WaitList::Overdue(base::MonoTime now) const {
  absl::btree_set<Place> places;
  for (const auto& [until, place] : overdue_) {
    if (until > now) break;
    places.insert(place);
  }
  return {places.begin(), places.end()};
}

std::vector<Call> WaitList::TakeSession(const std::string& session_uid) {
  const auto it = by_session_.find(session_uid);
  if (it == by_session_.end()) return {};
  return TakeEach(absl::btree_set<Place>(it->second));
}

std::vector<Call> WaitList::TakeAll() {
  absl::btree_set<Place> places;
  for (const auto& [place, waiter] : waiters_) places.insert(place);
  std::vector<Call> taken = TakeEach(places);
  woken_.clear();
  return taken;
}

std::optional<base::MonoTime> WaitList::NextOverdue() const {
  if (overdue_.empty()) return std::nullopt;
  return overdue_.begin()->first;
}

std::optional<WaitList::Place> WaitList::FindRequest(const std::string& session_uid,
                                                     const std::string& client,
                                                     const std::string& request_id) const {
  const auto it = by_session_.find(session_uid);
  if (it == by_session_.end()) return std::nullopt;
  for (const Place place : it->second) {
    const core::Command& command = *waiters_.at(place).call.command;
    if (command.request_id == request_id && command.client == client) return place;
  }
  return std::nullopt;
}

void WaitList::Wake(const std::string& name) {
  if (queue_.FirstWanting(name).has_value()) woken_.insert(name);
}

void WaitList::WakeAll() {
  for (const auto& [place, waiter] : waiters_) {
    for (const std::string& name : NamesOf(queue_.At(place))) woken_.insert(name);
  }
}

std::vector<WaitList::Place> WaitList::TakeWoken() {
  absl::btree_set<Place> places;
  for (const std::string& name : woken_) {
    if (const auto place = queue_.FirstWanting(name)) places.insert(*place);
  }
  woken_.clear();
  return {places.begin(), places.end()};
}

}  // namespace coordhub::engine
