#include "hub/engine/sequencer.h"

#include <pthread.h>

#include <algorithm>
#include <iterator>
#include <utility>
#include <variant>

#include "hub/engine/endings.h"

namespace coordhub::engine {

Sequencer::Sequencer(Writer* writer, LeaseClock* clock, const Bounds& bounds,
                     OnDeadlines on_deadlines)
    : writer_(writer),
      clock_(clock),
      bounds_(bounds),
      on_deadlines_(std::move(on_deadlines)),
      thread_([this] { Run(); }) {}

Sequencer::~Sequencer() { Stop(); }

namespace {

bool Yields(const Call& call) {
  return std::holds_alternative<core::ObserveBranches>(call.command->body) ||
         std::holds_alternative<core::ObserveConflicts>(call.command->body);
}

}  // namespace

bool Sequencer::Submit(Call&& call) {
  bool wake = false;
  {
    base::MutexLock lock(&mu_);
    if (stopping_) return false;
    if (Yields(call)) {
      if (yielding_.size() >= kYieldingCapacity) return false;
      yielding_.push_back(std::move(call));
      wake = true;
    } else {
      if (!HasRoomFor(call)) return false;
      pending_.request_bytes += call.command->request_bytes;
      pending_.calls.push_back(std::move(call));
      // Later calls find the thread awake or about to look.
      wake = pending_.calls.size() == 1;
    }
  }
  // Not under the lock, which who wakes takes first.
  if (wake) wake_.Signal();
  return true;
}

bool Sequencer::HasRoomFor(const Call& call) const {
  if (pending_.calls.empty()) return true;
  return pending_.calls.size() < bounds_.calls &&
         pending_.request_bytes + call.command->request_bytes <= bounds_.bytes;
}

void Sequencer::Cancel(CallId id) {
  base::MutexLock lock(&mu_);
  pending_.cancelled.push_back(id);
  wake_.Signal();
}

bool Sequencer::Post(std::function<void()> task) {
  base::MutexLock lock(&mu_);
  if (stopping_) return false;
  pending_.tasks.push_back(std::move(task));
  wake_.Signal();
  return true;
}

void Sequencer::Stop() {
  {
    base::MutexLock lock(&mu_);
    stopping_ = true;
    wake_.Signal();
  }
  if (thread_.joinable()) thread_.join();
}

size_t Sequencer::queued() const {
  base::MutexLock lock(&mu_);
  return pending_.calls.size() + yielding_.size();
}

absl::Duration Sequencer::IdleTime() const {
  const std::optional<base::MonoTime> due = writer_->NextDue();
  TellDeadlines(due.has_value());
  if (!due) return writer_->WantsTicks() ? kTickPeriod : absl::InfiniteDuration();
  return std::clamp(*due - clock_->Now(), absl::ZeroDuration(), LeaseClock::kObservePeriod);
}

bool Sequencer::TakeBatch(Batch* batch) {
  const absl::Duration idle = IdleTime();
  base::MutexLock lock(&mu_);
  const auto empty = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return pending_.calls.empty() && pending_.cancelled.empty() && pending_.tasks.empty() &&
           yielding_.empty();
  };
  if (empty() && !stopping_) wake_.WaitWithTimeout(&mu_, idle);
  if (empty() && stopping_) return false;
  std::swap(*batch, pending_);
  TakeYielding(batch);
  return true;
}

void Sequencer::TakeYielding(Batch* batch) {
  if (yielding_.empty()) return;
  if (batch->calls.size() >= bounds_.batch && yields_ < kMaxYields) {
    ++yields_;
    return;
  }
  yields_ = 0;
  batch->yielding.push_back(std::move(yielding_.front()));
  yielding_.pop_front();
}

std::vector<Call> Sequencer::DropCancelled(std::vector<Call> calls,
                                           std::vector<CallId>* cancelled) {
  if (cancelled->empty()) return calls;
  std::sort(cancelled->begin(), cancelled->end());
  std::vector<Call> kept;
  kept.reserve(calls.size());
  for (Call& call : calls) {
    const auto it = std::lower_bound(cancelled->begin(), cancelled->end(), call.id);
    if (it == cancelled->end() || *it != call.id) {
      kept.push_back(std::move(call));
      continue;
    }
    call.Answer(CallerGone());
    cancelled->erase(it);
  }
  return kept;
}

void Sequencer::RunCalls(std::vector<Call> calls) {
  if (calls.size() <= bounds_.batch) return writer_->Run(std::move(calls));
  size_t done = 0;
  do {
    const size_t end = std::min(calls.size(), done + bounds_.batch);
    writer_->Run(
        std::vector<Call>(std::make_move_iterator(calls.begin() + static_cast<ptrdiff_t>(done)),
                          std::make_move_iterator(calls.begin() + static_cast<ptrdiff_t>(end))));
    done = end;
  } while (done < calls.size());
}

void Sequencer::Run() {
  pthread_setname_np(pthread_self(), "writer");
  Batch batch;
  while (TakeBatch(&batch)) {
    std::vector<Call> calls = DropCancelled(std::move(batch.calls), &batch.cancelled);
    // Before the calls: a call that repeats one that went away must not go with it.
    for (const CallId id : batch.cancelled) writer_->CancelWaiter(id);
    // Before the clock is read: a deadline that this batch sets runs from a time that was observed.
    if (!calls.empty()) TellDeadlines(true);
    // A batch without calls still ends what fell due.
    RunCalls(std::move(calls));
    if (!batch.yielding.empty()) RunCalls(std::move(batch.yielding));
    for (std::function<void()>& task : batch.tasks) task();
    batch = Batch();
  }
}

}  // namespace coordhub::engine
