#include "hub/engine/ring_broadcaster.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "agent/base/mutant.h"

namespace coordhub::engine {

RingBroadcaster::RingBroadcaster(int64_t revision, size_t max_events, size_t max_bytes,
                                 const base::Clock* clock)
    : clock_(*clock),
      max_events_(max_events),
      max_bytes_(max_bytes),
      published_(revision),
      announced_(revision) {
  thread_ = std::thread([this] { Run(); });
}

RingBroadcaster::~RingBroadcaster() { Stop(); }

void RingBroadcaster::Stop() {
  {
    base::MutexLock lock(&listeners_mu_);
    stopping_ = true;
    wake_.Signal();
  }
  if (thread_.joinable()) thread_.join();
  base::MutexLock lock(&listeners_mu_);
  while (round_ == Round::kLent) lent_round_over_.Wait(&listeners_mu_);
}

void RingBroadcaster::Publish(const std::vector<EncodedEvent>& events) {
  if (events.empty()) return;
  const int64_t newest = events.back().event->revision();
  {
    base::WriterMutexLock lock(&ring_mu_);
    for (const EncodedEvent& event : events) {
      ring_.push_back(event);
      ring_bytes_ += event.frame->size();
      if (base::MutantActive("event_published_twice")) {
        ring_.push_back(event);
        ring_bytes_ += event.frame->size();
      }
    }
    published_ = newest;
    while (ring_.size() > max_events_ || ring_bytes_ > max_bytes_) {
      ring_bytes_ -= ring_.front().frame->size();
      ring_.pop_front();
    }
  }
  Announce(newest);
}

bool RingBroadcaster::MayBeLent() {
  const base::MonoTime now = clock_.Mono();
  const absl::Duration apart = now - std::exchange(announced_at_, now);
  return apart > absl::ZeroDuration() && apart >= kPartOfLentThread * round_took_ &&
         armed_.size() <= kMostOnLentThread && !stopping_;
}

void RingBroadcaster::Announce(int64_t newest) {
  bool lent = false;
  {
    base::MutexLock lock(&listeners_mu_);
    announced_ = newest;
    lent = MayBeLent();
    // The end of a round looks for those who came to be behind meanwhile.
    if (!SomeoneIsBehind() || round_ != Round::kNone) return;
    if (lent) round_ = Round::kLent;
  }
  if (!lent) return wake_.Signal();
  if (lent_thread_.TryRun([this] { RunLentRound(); })) return;
  base::MutexLock lock(&listeners_mu_);
  EndLentRound();
}

void RingBroadcaster::RunLentRound() {
  std::vector<EventListener*> behind;
  {
    base::MutexLock lock(&listeners_mu_);
    if (!stopping_) behind = TakeBehind();
  }
  const absl::Duration took = CallAllTimed(behind);
  base::MutexLock lock(&listeners_mu_);
  round_took_ = took;
  EndLentRound();
}

void RingBroadcaster::EndLentRound() {
  round_ = Round::kNone;
  if (SomeoneIsBehind()) wake_.Signal();
  lent_round_over_.Signal();
}

int64_t RingBroadcaster::FirstLocked() const {
  return ring_.empty() ? published_ + 1 : ring_.front().event->revision();
}

int64_t RingBroadcaster::first_revision() const {
  base::ReaderMutexLock lock(&ring_mu_);
  return FirstLocked();
}

int64_t RingBroadcaster::published_revision() const {
  base::ReaderMutexLock lock(&ring_mu_);
  return published_;
}

std::optional<std::vector<EncodedEvent>> RingBroadcaster::FindCommit(int64_t first,
                                                                     int64_t last) const {
  base::ReaderMutexLock lock(&ring_mu_);
  if (first < FirstLocked() || last > published_) return std::nullopt;
  const auto begin = std::lower_bound(
      ring_.begin(), ring_.end(), first,
      [](const EncodedEvent& e, int64_t revision) { return e.event->revision() < revision; });
  const auto end = std::upper_bound(
      begin, ring_.end(), last,
      [](int64_t revision, const EncodedEvent& e) { return revision < e.event->revision(); });
  return std::vector<EncodedEvent>(begin, end);
}

Broadcaster::ReadResult RingBroadcaster::Read(int64_t cursor, const core::Filter& filter,
                                              size_t max_events, size_t max_bytes) const {
  // Filters are looked at outside the lock: what is copied under it are references.
  std::vector<EncodedEvent> looked_at;
  ReadResult result;
  result.scanned = cursor;
  {
    base::ReaderMutexLock lock(&ring_mu_);
    if (cursor >= published_) return result;
    if (cursor + 1 < FirstLocked()) {
      result.found = Found::kBehind;
      return result;
    }
    auto it = std::upper_bound(
        ring_.begin(), ring_.end(), cursor,
        [](int64_t revision, const EncodedEvent& e) { return revision < e.event->revision(); });
    size_t bytes = 0;
    while (it != ring_.end() && looked_at.size() < max_events &&
           (looked_at.empty() || bytes < max_bytes)) {
      bytes += it->frame->size();
      looked_at.push_back(*it++);
    }
  }
  result.found = Found::kEvents;
  result.scanned = looked_at.back().event->revision();
  result.at_boundary = looked_at.back().event->commit_revision() == result.scanned;
  if (filter.admits_all()) {
    result.events = std::move(looked_at);
  } else {
    for (EncodedEvent& event : looked_at) {
      if (filter.Admits(*event.event)) result.events.push_back(std::move(event));
    }
  }
  return result;
}

void RingBroadcaster::Register(EventListener* listener) {
  base::MutexLock lock(&listeners_mu_);
  listeners_.emplace(listener, ListenerState{});
}

void RingBroadcaster::Arm(EventListener* listener, int64_t cursor) {
  base::MutexLock lock(&listeners_mu_);
  const auto it = listeners_.find(listener);
  if (it == listeners_.end()) return;
  if (it->second.cursor) armed_.erase({*it->second.cursor, listener});
  it->second.cursor = cursor;
  armed_.insert({cursor, listener});
  if (cursor < announced_) wake_.Signal();
}

void RingBroadcaster::Unregister(EventListener* listener) {
  base::MutexLock lock(&listeners_mu_);
  while (true) {
    const auto it = listeners_.find(listener);
    if (it == listeners_.end()) return;
    if (!it->second.in_call) {
      if (it->second.cursor) armed_.erase({*it->second.cursor, listener});
      listeners_.erase(it);
      return;
    }
    ++leaving_;
    call_done_.Wait(&listeners_mu_);
    --leaving_;
  }
}

size_t RingBroadcaster::listener_count() const {
  base::MutexLock lock(&listeners_mu_);
  return listeners_.size();
}

bool RingBroadcaster::SomeoneIsBehind() const {
  return !armed_.empty() && armed_.begin()->first < announced_;
}

std::vector<EventListener*> RingBroadcaster::TakeBehind() {
  std::vector<EventListener*> behind;
  while (SomeoneIsBehind()) {
    EventListener* listener = armed_.begin()->second;
    armed_.erase(armed_.begin());
    ListenerState& state = listeners_.at(listener);
    state.cursor.reset();
    state.queued = true;
    behind.push_back(listener);
  }
  return behind;
}

void RingBroadcaster::CallAll(const std::vector<EventListener*>& listeners) {
  for (EventListener* listener : listeners) {
    {
      base::MutexLock lock(&listeners_mu_);
      const auto it = listeners_.find(listener);
      if (it == listeners_.end() || !std::exchange(it->second.queued, false)) continue;
      it->second.in_call = true;
    }
    listener->OnEvents();
    base::MutexLock lock(&listeners_mu_);
    listeners_.at(listener).in_call = false;
    if (leaving_ > 0) call_done_.SignalAll();
  }
}

absl::Duration RingBroadcaster::CallAllTimed(const std::vector<EventListener*>& listeners) {
  const base::MonoTime begun = clock_.Mono();
  CallAll(listeners);
  return clock_.Mono() - begun;
}

void RingBroadcaster::Run() {
  pthread_setname_np(pthread_self(), "fan-out");
  absl::Duration took = absl::ZeroDuration();
  while (true) {
    std::vector<EventListener*> behind;
    {
      base::MutexLock lock(&listeners_mu_);
      if (round_ == Round::kOwn) {
        round_ = Round::kNone;
        round_took_ = took;
      }
      while (!stopping_ && (round_ == Round::kLent || !SomeoneIsBehind())) {
        wake_.Wait(&listeners_mu_);
      }
      if (stopping_) return;
      round_ = Round::kOwn;
      behind = TakeBehind();
    }
    took = CallAllTimed(behind);
  }
}

}  // namespace coordhub::engine
