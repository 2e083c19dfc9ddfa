#include "hub/core/ready_queue.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "agent/base/string_view.h"

namespace coordhub::core {
namespace {

// Ids hold no control characters, so the first newline ends the assignee.
std::string LabelBucket(std::string_view assignee, std::string_view label) {
  return absl::StrCat(base::ToAbsl(assignee), "\n", base::ToAbsl(label));
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
  newly_ready_.erase(key);
}

void ReadyQueue::Add(int64_t number, TicketPtr ticket, base::MonoTime ready_at,
                     base::MonoTime now) {
  Remove(number);
  Entry& entry = entries_[number];
  entry.ticket = std::move(ticket);
  if (ready_at > now) {
    entry.due_time = ready_at;
    delayed_.emplace(ready_at, number);
  } else {
    Link(number, *entry.ticket);
  }
}

void ReadyQueue::Update(int64_t number, TicketPtr ticket) {
  const auto it = entries_.find(number);
  if (it == entries_.end()) return;
  Entry& entry = it->second;
  const bool ready = !entry.due_time.has_value();
  if (ready) Unlink(number, *entry.ticket);
  entry.ticket = std::move(ticket);
  if (ready) Link(number, *entry.ticket);
}

void ReadyQueue::Remove(int64_t number) {
  const auto it = entries_.find(number);
  if (it == entries_.end()) return;
  const Entry& entry = it->second;
  if (entry.due_time.has_value()) {
    delayed_.erase({*entry.due_time, number});
  } else {
    Unlink(number, *entry.ticket);
  }
  entries_.erase(it);
}

bool ReadyQueue::IsReady(int64_t number) const {
  const auto it = entries_.find(number);
  return it != entries_.end() && !it->second.due_time.has_value();
}

std::optional<base::MonoTime> ReadyQueue::DueTime(int64_t number) const {
  const auto it = entries_.find(number);
  if (it == entries_.end()) return std::nullopt;
  return it->second.due_time;
}

const ReadyQueue::Bucket* ReadyQueue::FindBucket(std::string_view name) const {
  const auto it = buckets_.find(base::ToAbsl(name));
  return it == buckets_.end() ? nullptr : &it->second;
}

const ReadyQueue::Bucket* ReadyQueue::Narrowest(std::string_view assignee,
                                                const ClaimSelector& selector) const {
  const Bucket* narrowest = FindBucket(assignee);
  for (const std::string& label : selector.labels) {
    const Bucket* bucket = FindBucket(LabelBucket(assignee, label));
    if (bucket == nullptr) return nullptr;
    if (bucket->size() < narrowest->size()) narrowest = bucket;
  }
  return narrowest;
}

void ReadyQueue::Prefetch(Bucket::const_iterator found, Bucket::const_iterator end) const {
  constexpr size_t kCacheLine = 64;
  entries_.prefetch(std::get<2>(found->first));
  const auto next = std::next(found);
  if (next == end) return;
  const auto* bytes = reinterpret_cast<const char*>(next->second);
  for (size_t at = 0; at < sizeof(v1::Ticket); at += kCacheLine) __builtin_prefetch(bytes + at);
}

std::optional<ReadyQueue::Key> ReadyQueue::FirstAssigned(std::string_view assignee,
                                                         const ClaimSelector& selector) const {
  const Bucket* bucket = Narrowest(assignee, selector);
  if (bucket == nullptr) return std::nullopt;
  for (auto it = bucket->begin(); it != bucket->end(); ++it) {
    const auto& [key, ticket] = *it;
    if (selector.max_priority.has_value() && std::get<0>(key) > *selector.max_priority) break;
    if (!Admits(selector, *ticket)) continue;
    Prefetch(it, bucket->end());
    return key;
  }
  return std::nullopt;
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

int ReadyQueue::ReleaseDue(base::MonoTime now) {
  int released = 0;
  while (!delayed_.empty() && delayed_.begin()->first <= now) {
    const int64_t number = delayed_.begin()->second;
    delayed_.erase(delayed_.begin());
    Entry& entry = entries_.at(number);
    entry.due_time.reset();
    Link(number, *entry.ticket);
    ++released;
  }
  return released;
}

std::optional<base::MonoTime> ReadyQueue::NextDue() const {
  if (delayed_.empty()) return std::nullopt;
  return delayed_.begin()->first;
}

void ReadyQueue::Reanchor(const std::function<base::MonoTime(const v1::Ticket&)>& due_time,
                          base::MonoTime now) {
  const auto delayed = std::move(delayed_);
  delayed_.clear();
  for (const auto& [old_due_time, number] : delayed) {
    Entry& entry = entries_.at(number);
    entry.due_time = due_time(*entry.ticket);
    delayed_.emplace(*entry.due_time, number);
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
  for (const auto& [number, entry] : entries_) {
    if (entry.due_time.has_value()) {
      if (!delayed_.contains({*entry.due_time, number}))
        return absl::StrCat(number, " is not among the delayed");
      continue;
    }
    const Key key = KeyOf(number, *entry.ticket);
    std::vector<std::string> names = {entry.ticket->assignee_agent_id()};
    for (const std::string& label : entry.ticket->labels()) {
      names.push_back(LabelBucket(entry.ticket->assignee_agent_id(), label));
    }
    links += names.size();
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
  if (links != 0) return "buckets hold tickets that are not in the queue";
  for (const auto& [due_time, number] : delayed_) {
    if (DueTime(number) != due_time) return absl::StrCat(number, " is delayed by the index only");
  }
  for (const Key& key : newly_ready_) {
    if (!IsReady(std::get<2>(key)))
      return absl::StrCat(std::get<2>(key), " is newly ready but not ready");
  }
  return {};
}

}  // namespace coordhub::core
