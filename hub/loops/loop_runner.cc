#include "hub/loops/loop_runner.h"

#include <pthread.h>

#include <algorithm>
#include <exception>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/log.h"
#include "agent/base/mutant.h"
#include "agent/base/string_view.h"
#include "agent/base/text.h"
#include "hub/core/proto_time.h"
#include "hub/engine/endings.h"
#include "hub/loops/schedule.h"

namespace coordhub::loops {
namespace {

using base::MonoTime;

constexpr size_t kErrorBytes = 512;
// A failed step is tried again after this, then twice as long each time, up to the interval.
constexpr absl::Duration kRetry = absl::Seconds(1);

std::string_view StateName(v1::Loop::State state) {
  constexpr std::string_view kPrefix = "STATE_";
  return std::string_view(v1::Loop::State_Name(state)).substr(kPrefix.size());
}

// Nothing that is thrown gets past here.
absl::Status Guarded(const std::function<void()>& work) {
  try {
    work();
    return absl::OkStatus();
  } catch (const std::exception& e) {
    return absl::InternalError(absl::StrCat("threw ", e.what()));
  } catch (...) {
    return absl::InternalError("threw something that says nothing");
  }
}

Outcome StepGuarded(Loop* loop, Cause cause) {
  Outcome outcome;
  const absl::Status thrown = Guarded([&] { outcome = loop->Step(cause); });
  if (!thrown.ok()) outcome.status = thrown;
  return outcome;
}

}  // namespace

struct LoopRunner::Entry {
  explicit Entry(LoopSpec loop_spec)
      : spec(std::move(loop_spec)), schedule(spec.interval, kRetry, MonoTime::InfiniteFuture()) {}

  const LoopSpec spec;
  // The runner's mu_ guards all of these.
  Schedule schedule;
  base::CondVar changed;
  std::vector<Done> waiting;   // for the next step
  std::vector<Done> stepping;  // for the one under way
  std::optional<absl::Time> last_step;
  std::optional<absl::Duration> last_duration;
  std::string last_error;
  int64_t steps = 0;
  Told told;
  bool ended = true;

  std::thread thread;
};

LoopRunner::LoopRunner(RunnerOptions options)
    : options_(std::move(options)), clock_(*options_.clock) {}

LoopRunner::~LoopRunner() { Stop(absl::InfiniteDuration()); }

void LoopRunner::Add(LoopSpec spec) {
  entries_.push_back(std::make_unique<Entry>(std::move(spec)));
  std::sort(entries_.begin(), entries_.end(),
            [](const auto& a, const auto& b) { return a->spec.id < b->spec.id; });
}

void LoopRunner::Start() {
  {
    base::MutexLock lock(&mu_);
    const MonoTime now = clock_.Mono();
    for (const auto& entry : entries_) {
      entry->schedule = Schedule(entry->spec.interval, kRetry, now);
      entry->ended = false;
    }
  }
  for (const auto& entry : entries_) {
    entry->thread = std::thread([this, entry = entry.get()] { Run(entry); });
  }
  watch_ = std::thread([this] { Watch(); });
}

// ---- a loop's thread ----

void LoopRunner::Run(Entry* entry) {
  // What ps and top show: at most 15 bytes.
  pthread_setname_np(pthread_self(), ("loop-" + entry->spec.id.substr(0, 10)).c_str());
  Loop* const loop = entry->spec.loop.get();
  const absl::Status begun =
      Guarded([&] { loop->Begin([this, entry](absl::Duration delay) { Wake(entry, delay); }); });
  if (!begun.ok()) {
    base::Log(base::LogLevel::kError, "a loop could not begin",
              {{"workspace", options_.workspace_id},
               {"loop", entry->spec.id},
               {"error", base::ToStd(begun.message())}});
  }
  while (const std::optional<Cause> cause = BeginWork(entry)) {
    if (base::MutantActive("loop_holds_others")) {
      static auto& one_at_a_time = *new base::Mutex;
      base::MutexLock lock(&one_at_a_time);
      EndWork(entry, *cause, StepGuarded(loop, *cause));
      continue;
    }
    EndWork(entry, *cause, StepGuarded(loop, *cause));
  }
  Finish(entry);
}

std::optional<Cause> LoopRunner::BeginWork(Entry* entry) {
  base::MutexLock lock(&mu_);
  while (!stopping_) {
    const base::Now now = clock_.Now();
    if (const std::optional<Cause> cause = entry->schedule.Begin(now.mono)) {
      if (IsStep(*cause)) {
        entry->last_step = now.wall;
        entry->stepping = std::exchange(entry->waiting, {});
      }
      if (entry->schedule.StallsAt() < watch_until_) news_.Signal();
      return cause;
    }
    entry->changed.WaitWithTimeout(&mu_, entry->schedule.NextWork() - now.mono);
  }
  return std::nullopt;
}

void LoopRunner::EndWork(Entry* entry, Cause cause, const Outcome& outcome) {
  std::vector<Done> answered;
  v1::Loop loop;
  {
    base::MutexLock lock(&mu_);
    const base::Now now = clock_.Now();
    const absl::Duration took = entry->schedule.End(outcome, now.mono);
    if (IsStep(cause)) {
      ++entry->steps;
      entry->last_duration = took;
    }
    entry->last_error = outcome.status.ok()
                            ? std::string()
                            : base::OneLine(base::ToStd(outcome.status.message()), kErrorBytes);
    if (!(ToTell(*entry, now.mono) == entry->told)) news_.Signal();
    answered.swap(entry->stepping);
    if (!answered.empty()) loop = Describe(*entry, now);
  }
  for (const Done& done : answered) done(loop);
}

void LoopRunner::Wake(Entry* entry, absl::Duration delay) {
  base::MutexLock lock(&mu_);
  entry->schedule.Wake(clock_.Mono() + delay);
  entry->changed.Signal();
}

void LoopRunner::Finish(Entry* entry) {
  const absl::Status finished = Guarded([&] { entry->spec.loop->Finish(); });
  if (!finished.ok()) {
    base::Log(base::LogLevel::kError, "a loop could not finish",
              {{"workspace", options_.workspace_id},
               {"loop", entry->spec.id},
               {"error", base::ToStd(finished.message())}});
  }
  base::MutexLock lock(&mu_);
  entry->ended = true;
  ended_.SignalAll();
}

// ---- who asks and commands ----

absl::StatusOr<LoopRunner::Entry*> LoopRunner::FindOpen(std::string_view loop_id) {
  if (draining_) return engine::Draining();
  for (const auto& entry : entries_) {
    if (entry->spec.id == loop_id) return entry.get();
  }
  return base::MakeError(v1::ERROR_REASON_LOOP_NOT_FOUND,
                         absl::StrCat("there is no loop ", base::ToAbsl(loop_id)),
                         {{"loop_id", std::string(loop_id)}});
}

v1::Loop LoopRunner::Describe(const Entry& entry, const base::Now& now) const {
  v1::Loop loop;
  loop.set_loop_id(entry.spec.id);
  loop.set_title(entry.spec.title);
  loop.set_state(entry.schedule.StateAt(now.mono));
  *loop.mutable_interval() = core::ToProto(entry.spec.interval);
  if (entry.last_step.has_value()) {
    *loop.mutable_last_step_time() = core::ToProto(*entry.last_step);
  }
  if (entry.last_duration.has_value()) {
    *loop.mutable_last_step_duration() = core::ToProto(*entry.last_duration);
  }
  loop.set_last_error(entry.last_error);
  const MonoTime next = entry.schedule.NextStep();
  if (next != MonoTime::InfiniteFuture()) {
    *loop.mutable_next_step_time() =
        core::ToProto(now.wall + std::max(next - now.mono, absl::ZeroDuration()));
  }
  loop.set_step_count(entry.steps);
  loop.set_failure_count(entry.schedule.failures());
  return loop;
}

std::vector<v1::Loop> LoopRunner::List() const {
  base::MutexLock lock(&mu_);
  const base::Now now = clock_.Now();
  std::vector<v1::Loop> loops;
  loops.reserve(entries_.size());
  for (const auto& entry : entries_) loops.push_back(Describe(*entry, now));
  return loops;
}

int LoopRunner::ActiveLoops() const {
  base::MutexLock lock(&mu_);
  const MonoTime now = clock_.Mono();
  return static_cast<int>(std::count_if(entries_.begin(), entries_.end(), [now](const auto& entry) {
    const v1::Loop::State state = entry->schedule.StateAt(now);
    return !entry->ended && (state == v1::Loop::STATE_RUNNING || state == v1::Loop::STATE_FAILED);
  }));
}

void LoopRunner::Step(std::string_view loop_id, Done done) {
  const auto request = [&]() -> absl::Status {
    base::MutexLock lock(&mu_);
    const absl::StatusOr<Entry*> found = FindOpen(loop_id);
    if (!found.ok()) return found.status();
    Entry& entry = **found;
    if (entry.schedule.StateAt(clock_.Mono()) == v1::Loop::STATE_STALLED) {
      return base::MakeError(v1::ERROR_REASON_LOOP_STATE,
                             "the loop is STALLED: what it does now has not come to an end",
                             {{"loop", entry.spec.id}, {"state", "STALLED"}});
    }
    if (entry.waiting.size() + entry.stepping.size() >= options_.max_requests) {
      return base::MakeError(v1::ERROR_REASON_OVERLOADED, "too many calls wait for this loop");
    }
    entry.waiting.push_back(std::move(done));
    entry.schedule.Request();
    entry.changed.Signal();
    return absl::OkStatus();
  };
  const absl::Status refused = request();
  if (!refused.ok()) done(refused);
}

absl::StatusOr<v1::Loop> LoopRunner::Pause(std::string_view loop_id) {
  base::MutexLock lock(&mu_);
  const absl::StatusOr<Entry*> entry = FindOpen(loop_id);
  if (!entry.ok()) return entry.status();
  (*entry)->schedule.Pause();
  news_.Signal();
  return Describe(**entry, clock_.Now());
}

absl::StatusOr<v1::Loop> LoopRunner::Resume(std::string_view loop_id) {
  base::MutexLock lock(&mu_);
  const absl::StatusOr<Entry*> entry = FindOpen(loop_id);
  if (!entry.ok()) return entry.status();
  (*entry)->schedule.Resume(clock_.Mono());
  (*entry)->changed.Signal();
  news_.Signal();
  return Describe(**entry, clock_.Now());
}

// ---- telling what became of them ----

LoopRunner::Told LoopRunner::ToTell(const Entry& entry, MonoTime now) const {
  return {entry.schedule.StateAt(now), entry.last_error};
}

bool LoopRunner::HasNews(MonoTime now) const {
  for (const Subscriber& subscriber : subscribers_) {
    if (!subscriber.told) return true;
  }
  for (const auto& entry : entries_) {
    if (!(ToTell(*entry, now) == entry->told)) return true;
  }
  return false;
}

bool LoopRunner::WaitForNews() {
  while (!watch_stopping_) {
    const MonoTime now = clock_.Mono();
    if (HasNews(now)) return true;
    watch_until_ = MonoTime::InfiniteFuture();
    for (const auto& entry : entries_) {
      const MonoTime stalls = entry->schedule.StallsAt();
      if (stalls > now) watch_until_ = std::min(watch_until_, stalls);
    }
    news_.WaitWithTimeout(&mu_, watch_until_ - now);
  }
  return false;
}

void LoopRunner::Watch() {
  pthread_setname_np(pthread_self(), "loop-watch");
  while (true) {
    {
      base::MutexLock lock(&mu_);
      if (!WaitForNews()) return;
    }
    TellNews();
  }
}

void LoopRunner::TellNews() {
  struct News {
    v1::Loop loop;
    Told before;
    bool changed = false;
  };
  std::vector<News> all;
  std::vector<Subscriber> subscribers;
  {
    base::MutexLock lock(&mu_);
    const base::Now now = clock_.Now();
    for (const auto& entry : entries_) {
      Told told = ToTell(*entry, now.mono);
      const bool changed = !(told == entry->told);
      all.push_back({Describe(*entry, now), std::exchange(entry->told, std::move(told)), changed});
    }
    subscribers = subscribers_;
    for (Subscriber& subscriber : subscribers_) subscriber.told = true;
    telling_ = true;
  }
  for (const News& news : all) {
    if (news.changed) LogChange(news.loop, news.before);
    for (const Subscriber& subscriber : subscribers) {
      if (news.changed || !subscriber.told) subscriber.listener->OnLoop(news.loop);
    }
  }
  base::MutexLock lock(&mu_);
  telling_ = false;
  ended_.SignalAll();
}

void LoopRunner::LogChange(const v1::Loop& loop, const Told& before) const {
  const bool well =
      loop.state() == v1::Loop::STATE_RUNNING || loop.state() == v1::Loop::STATE_PAUSED;
  base::Log(well ? base::LogLevel::kInfo : base::LogLevel::kWarning, "a loop's state changed",
            {{"workspace", options_.workspace_id},
             {"loop", loop.loop_id()},
             {"state", StateName(loop.state())},
             {"before", StateName(before.state)},
             {"failures", loop.failure_count()},
             {"error", loop.last_error()}});
}

void LoopRunner::Subscribe(LoopListener* listener) {
  base::MutexLock lock(&mu_);
  subscribers_.push_back({listener, false});
  news_.Signal();
}

void LoopRunner::Unsubscribe(LoopListener* listener) {
  base::MutexLock lock(&mu_);
  std::erase_if(subscribers_,
                [&](const Subscriber& subscriber) { return subscriber.listener == listener; });
  while (telling_) ended_.Wait(&mu_);
}

// ---- the end ----

void LoopRunner::Drain() {
  std::vector<Done> refused;
  {
    base::MutexLock lock(&mu_);
    draining_ = true;
    for (const auto& entry : entries_) {
      for (std::vector<Done>* calls : {&entry->waiting, &entry->stepping}) {
        std::move(calls->begin(), calls->end(), std::back_inserter(refused));
        calls->clear();
      }
    }
  }
  for (const Done& done : refused) done(engine::Draining());
}

bool LoopRunner::Stop(absl::Duration timeout) {
  Drain();
  {
    base::MutexLock lock(&mu_);
    stopping_ = true;
    for (const auto& entry : entries_) entry->changed.Signal();
    const MonoTime deadline = clock_.Mono() + timeout;
    const auto all_ended = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
      return std::all_of(entries_.begin(), entries_.end(),
                         [](const auto& entry) { return entry->ended; });
    };
    while (!all_ended()) {
      const MonoTime now = clock_.Mono();
      if (now >= deadline) return false;
      ended_.WaitWithTimeout(&mu_, deadline - now);
    }
    watch_stopping_ = true;
    news_.Signal();
  }
  for (const auto& entry : entries_) {
    if (entry->thread.joinable()) entry->thread.join();
  }
  if (watch_.joinable()) watch_.join();
  return true;
}

void LoopRunner::OnClockMoved() {
  base::MutexLock lock(&mu_);
  for (const auto& entry : entries_) entry->changed.Signal();
  news_.Signal();
}

}  // namespace coordhub::loops
