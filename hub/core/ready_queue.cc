#include "hub/core/ready_queue.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "agent/base/string_view.h"
#include "hub/core/proto_time.h"

namespace coordhub::core {
namespace {

// Ids hold no control characters, so the first newline ends the assignee.
std::string LabelBucket(std::string_view assignee, std::string_view label) {
  return absl::StrCat(base::ToAbsl(assignee), "\n", base::ToAbsl(label));
}

bool MayRest(const v1::Ticket& ticket) {
  return ticket.has_backoff() &&
         (ticket.state() == v1::Ticket::STATE_OPEN || ticket.state() == v1::Ticket::STATE_BLOCKED);
}

absl::Time TimeOf(const v1::Ticket& ticket) {
  return ticket.has_not_before() ? FromProto(ticket.not_before()) : absl::InfinitePast();
}

bool SameDelay(const v1::Ticket& a, const v1::Ticket& b) {
  return a.has_not_before() == b.has_not_before() &&
         a.not_before().seconds() == b.not_before().seconds() &&
         a.not_before().nanos() == b.not_before().nanos() && a.has_backoff() == b.has_backoff() &&
         a.backoff().seconds() == b.backoff().seconds() &&
         a.backoff().nanos() == b.backoff().nanos();
}

}  // namespace

ReadyQueue::Key ReadyQueue::KeyOf(int64_t number, const v1::Ticket& ticket) {
  return {ticket.priority(), ticket.create_revision(), number};
}

void ReadyQueue::Link(int64_t number, const v1::Ticket& ticket) {
  const Key key = KeyOf(number, ticket);
  buckets_[ticket.assignee_agent_id()].emplace(key, &ticket);
  for (const std::string& label : ticket.labels()) {
    buckets_[LabelBucket(ticket.assignee_agent_id(), label)].emplace(key, &ticket);
  }
  label_sets_.Insert(key, ticket);
  newly_ready_.insert(key);
}

void ReadyQueue::Unlink(int64_t number, const v1::Ticket& ticket) {
  const Key key = KeyOf(number, ticket);
  const auto erase_from = [&](const std::string& name) {
    const auto it = buckets_.find(name);
    if (it == buckets_.end()) return;
    it->second.erase(key);
    if (it->second.empty()) buckets_.erase(it);
  };
  erase_from(ticket.assignee_agent_id());
  for (const std::string& label : ticket.labels()) {
    erase_from(LabelBucket(ticket.assignee_agent_id(), label));
  }
  label_sets_.Erase(key, ticket);
  newly_ready_.erase(key);
}

void ReadyQueue::Settle(int64_t number, Entry* entry, bool time_has_come, const base::Now& now) {
  if (!time_has_come && TimeOf(*entry->ticket) > now.wall) {
    entry->stage = Stage::kWaitsForTime;
    by_time_.emplace(TimeOf(*entry->ticket), number);
  } else if (RestedAt(number) > now.mono) {
    entry->stage = Stage::kRests;
    by_rest_.emplace(RestedAt(number), number);
  } else {
    entry->stage = Stage::kReady;
    Link(number, *entry->ticket);
  }
}

void ReadyQueue::Unsettle(int64_t number, const Entry& entry) {
  switch (entry.stage) {
    case Stage::kWaitsForTime:
      by_time_.erase({TimeOf(*entry.ticket), number});
      return;
    case Stage::kRests:
      by_rest_.erase({RestedAt(number), number});
      return;
    default:
      Unlink(number, *entry.ticket);
  }
}

void ReadyQueue::PutRest(int64_t number, const v1::Ticket* before, const v1::Ticket& after,
                         base::MonoTime now) {
  if (!MayRest(after)) {
    rests_.erase(number);
    return;
  }
  const bool goes_on = before != nullptr && MayRest(*before) &&
                       before->backoff().seconds() == after.backoff().seconds() &&
                       before->backoff().nanos() == after.backoff().nanos();
  if (goes_on) return;
  const absl::Duration span = FromProto(after.backoff());
  rests_[number] = {now + span, span};
}

void ReadyQueue::Put(int64_t number, const v1::Ticket* before, const TicketPtr& after,
                     const base::Now& now) {
  const auto it = entries_.find(number);
  const bool is_open = after->state() == v1::Ticket::STATE_OPEN;
  if (it != entries_.end() && is_open && before != nullptr && SameDelay(*before, *after)) {
    Entry& entry = it->second;
    // What it waits for stays.
    if (entry.stage == Stage::kReady) Unlink(number, *entry.ticket);
    entry.ticket = after;
    if (entry.stage == Stage::kReady) Link(number, *after);
    return;
  }
  if (it != entries_.end()) Unsettle(number, it->second);
  PutRest(number, before, *after, now.mono);
  if (!is_open) {
    if (it != entries_.end()) entries_.erase(it);
    return;
  }
  Entry& entry = entries_[number];
  entry.ticket = after;
  Settle(number, &entry, /*time_has_come=*/false, now);
}

void ReadyQueue::Remove(int64_t number) {
  const auto it = entries_.find(number);
  if (it != entries_.end()) {
    Unsettle(number, it->second);
    entries_.erase(it);
  }
  rests_.erase(number);
}

ReadyQueue::Place ReadyQueue::PlaceOf(int64_t number) const {
  return {StageOf(number), Rested(number)};
}

void ReadyQueue::PutBack(int64_t number, const TicketPtr& ticket, const Place& place,
                         const base::Now& now) {
  Remove(number);
  if (ticket == nullptr) return;
  if (place.rested.has_value()) rests_[number] = {*place.rested, FromProto(ticket->backoff())};
  if (place.stage == Stage::kAbsent) return;
  Entry& entry = entries_[number];
  entry.ticket = ticket;
  if (place.stage == Stage::kReady) {
    entry.stage = Stage::kReady;
    Link(number, *ticket);
  } else {
    Settle(number, &entry, /*time_has_come=*/place.stage == Stage::kRests, now);
  }
}

ReadyQueue::Stage ReadyQueue::StageOf(int64_t number) const {
  const auto it = entries_.find(number);
  return it == entries_.end() ? Stage::kAbsent : it->second.stage;
}

base::MonoTime ReadyQueue::RestedAt(int64_t number) const {
  return Rested(number).value_or(base::MonoTime::InfinitePast());
}

std::optional<base::MonoTime> ReadyQueue::Rested(int64_t number) const {
  const auto it = rests_.find(number);
  if (it == rests_.end()) return std::nullopt;
  return it->second.ends;
}

const ReadyQueue::Bucket* ReadyQueue::FindBucket(std::string_view name) const {
  const auto it = buckets_.find(base::ToAbsl(name));
  return it == buckets_.end() ? nullptr : &it->second;
}

void ReadyQueue::Prefetch(Bucket::const_iterator found, Bucket::const_iterator end) const {
  constexpr size_t kCacheLine = 64;
  entries_.prefetch(std::get<2>(found->first));
  const auto next = std::next(found);
  if (next == end) return;
  const auto* bytes = reinterpret_cast<const char*>(next->second);
  for (size_t at = 0; at < sizeof(v1::Ticket); at += kCacheLine) __builtin_prefetch(bytes + at);
}

std::optional<ReadyQueue::Key> ReadyQueue::FirstLabelled(std::string_view assignee,
                                                         const ClaimSelector& selector) const {
  if (selector.labels.size() > 1) return label_sets_.First(assignee, selector.labels);
  const Bucket* bucket = FindBucket(
      selector.labels.empty() ? assignee : LabelBucket(assignee, selector.labels.front()));
  if (bucket == nullptr) return std::nullopt;
  Prefetch(bucket->begin(), bucket->end());
  return bucket->begin()->first;
}

std::optional<ReadyQueue::Key> ReadyQueue::FirstAssigned(std::string_view assignee,
                                                         const ClaimSelector& selector) const {
  // Those of the most urgent priority come first.
  const std::optional<Key> first = FirstLabelled(assignee, selector);
  if (!first.has_value() || !selector.max_priority.has_value()) return first;
  return std::get<0>(*first) <= *selector.max_priority ? first : std::nullopt;
}

std::optional<int64_t> ReadyQueue::First(const ClaimSelector& selector) const {
  std::optional<Key> first = FirstAssigned("", selector);
  if (!selector.agent_id.empty()) {
    const std::optional<Key> own = FirstAssigned(selector.agent_id, selector);
    if (own.has_value() && (!first.has_value() || *own < *first)) first = own;
  }
  if (!first.has_value()) return std::nullopt;
  return std::get<2>(*first);
}

int ReadyQueue::ReleaseDue(const base::Now& now) {
  const int64_t before = delayed_count();
  while (!by_time_.empty() && by_time_.begin()->first <= now.wall) {
    const int64_t number = by_time_.begin()->second;
    by_time_.erase(by_time_.begin());
    Settle(number, &entries_.at(number), /*time_has_come=*/true, now);
  }
  while (!by_rest_.empty() && by_rest_.begin()->first <= now.mono) {
    const int64_t number = by_rest_.begin()->second;
    by_rest_.erase(by_rest_.begin());
    Settle(number, &entries_.at(number), /*time_has_come=*/true, now);
  }
  return static_cast<int>(before - delayed_count());
}

std::optional<base::MonoTime> ReadyQueue::NextRested() const {
  if (by_rest_.empty()) return std::nullopt;
  return by_rest_.begin()->first;
}

std::optional<absl::Time> ReadyQueue::NextTime() const {
  if (by_time_.empty()) return std::nullopt;
  return by_time_.begin()->first;
}

void ReadyQueue::Reanchor(const base::Now& now) {
  for (auto& [number, rest] : rests_) {
    const auto it = entries_.find(number);
    if (it != entries_.end()) Unsettle(number, it->second);
    rest.ends = now.mono + rest.span;
    if (it != entries_.end()) Settle(number, &it->second, /*time_has_come=*/false, now);
  }
  ReleaseDue(now);
}

std::vector<int64_t> ReadyQueue::TakeNewlyReady() {
  std::vector<int64_t> numbers;
  numbers.reserve(newly_ready_.size());
  for (const Key& key : newly_ready_) numbers.push_back(std::get<2>(key));
  newly_ready_.clear();
  return numbers;
}

bool ReadyQueue::Admits(const ClaimSelector& selector, const v1::Ticket& ticket) {
  const std::string& assignee = ticket.assignee_agent_id();
  if (!assignee.empty() && assignee != selector.agent_id) return false;
  if (selector.max_priority.has_value() && ticket.priority() > *selector.max_priority) return false;
  return std::all_of(selector.labels.begin(), selector.labels.end(), [&](const std::string& label) {
    return std::find(ticket.labels().begin(), ticket.labels().end(), label) !=
           ticket.labels().end();
  });
}

std::string ReadyQueue::Check() const {
  size_t links = 0;
  size_t with_several_labels = 0;
  for (const auto& [number, entry] : entries_) {
    if (entry.stage == Stage::kWaitsForTime) {
      if (!by_time_.contains({TimeOf(*entry.ticket), number}))
        return absl::StrCat(number, " is not among those that wait for a time");
      continue;
    }
    if (entry.stage == Stage::kRests) {
      if (!by_rest_.contains({RestedAt(number), number}))
        return absl::StrCat(number, " is not among those that rest");
      continue;
    }
    const Key key = KeyOf(number, *entry.ticket);
    std::vector<std::string> names = {entry.ticket->assignee_agent_id()};
    for (const std::string& label : entry.ticket->labels()) {
      names.push_back(LabelBucket(entry.ticket->assignee_agent_id(), label));
    }
    links += names.size();
    if (entry.ticket->labels_size() > 1) {
      ++with_several_labels;
      if (!label_sets_.Contains(key, *entry.ticket))
        return absl::StrCat(number, " is not in the set of its labels");
    }
    for (const std::string& name : names) {
      const Bucket* bucket = FindBucket(name);
      if (bucket == nullptr || !bucket->contains(key))
        return absl::StrCat(number, " is not in bucket ", name);
      if (bucket->at(key) != entry.ticket.get())
        return absl::StrCat(number, " is in bucket ", name, " with another record");
    }
  }
  for (const auto& [name, bucket] : buckets_) {
    if (bucket.empty()) return absl::StrCat("bucket ", name, " is empty");
    links -= bucket.size();
  }
  if (label_sets_.size() != with_several_labels)
    return "sets of labels hold tickets that are not in the queue";
  if (links != 0) return "buckets hold tickets that are not in the queue";
  for (const auto& [time, number] : by_time_) {
    if (StageOf(number) != Stage::kWaitsForTime)
      return absl::StrCat(number, " waits for a time by the index only");
  }
  for (const auto& [ends, number] : by_rest_) {
    if (StageOf(number) != Stage::kRests) return absl::StrCat(number, " rests by the index only");
  }
  for (const Key& key : newly_ready_) {
    if (!IsReady(std::get<2>(key)))
      return absl::StrCat(std::get<2>(key), " is newly ready but not ready");
  }
  return {};
}

}  // namespace coordhub::core
