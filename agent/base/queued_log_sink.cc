#include "agent/base/queued_log_sink.h"

#include <pthread.h>

#include <deque>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "agent/base/clock.h"
#include "agent/base/mutex.h"

namespace coordhub::base {

struct QueuedLogSink::State {
  struct Line {
    LogLevel level;
    std::string text;
  };

  std::shared_ptr<LogSink> to;
  std::function<std::string(size_t)> lost_note;
  Mutex mu;
  CondVar changed;
  std::deque<Line> lines ABSL_GUARDED_BY(mu);
  size_t bytes ABSL_GUARDED_BY(mu) = 0;
  size_t lost ABSL_GUARDED_BY(mu) = 0;
  bool writing ABSL_GUARDED_BY(mu) = false;
  bool stopping ABSL_GUARDED_BY(mu) = false;

  // What there is to write, and how many lines were lost after it; waits for either. False: never
  // any more.
  bool Take(std::deque<Line>* taken, size_t* lost_after) ABSL_LOCKS_EXCLUDED(mu) {
    MutexLock lock(&mu);
    writing = false;
    changed.SignalAll();
    while (lines.empty() && lost == 0) {
      if (stopping) return false;
      changed.Wait(&mu);
    }
    taken->clear();
    taken->swap(lines);
    bytes = 0;
    *lost_after = std::exchange(lost, 0);
    writing = true;
    return true;
  }
};

QueuedLogSink::QueuedLogSink(std::shared_ptr<LogSink> to,
                             std::function<std::string(size_t)> lost_note)
    : state_(std::make_shared<State>()) {
  state_->to = std::move(to);
  state_->lost_note = std::move(lost_note);
  std::thread(Run, state_).detach();
}

QueuedLogSink::~QueuedLogSink() {
  (void)Flush(kPatience);
  MutexLock lock(&state_->mu);
  state_->stopping = true;
  state_->changed.SignalAll();
}

void QueuedLogSink::Write(LogLevel level, std::string_view line) {
  MutexLock lock(&state_->mu);
  if (state_->bytes + line.size() > kMaxBytes) {
    ++state_->lost;
    return;
  }
  state_->bytes += line.size();
  state_->lines.push_back({level, std::string(line)});
  state_->changed.SignalAll();
}

bool QueuedLogSink::Flush(absl::Duration patience) {
  const MonoTime end = SystemClock().Mono() + patience;
  MutexLock lock(&state_->mu);
  while (!state_->lines.empty() || state_->lost > 0 || state_->writing) {
    const absl::Duration left = end - SystemClock().Mono();
    if (left <= absl::ZeroDuration()) return false;
    state_->changed.WaitWithTimeout(&state_->mu, left);
  }
  return true;
}

void QueuedLogSink::Run(const std::shared_ptr<State>& state) {
  pthread_setname_np(pthread_self(), "log");
  std::deque<State::Line> lines;
  size_t lost = 0;
  while (state->Take(&lines, &lost)) {
    for (const State::Line& line : lines) state->to->Write(line.level, line.text);
    if (lost > 0) state->to->Write(LogLevel::kWarning, state->lost_note(lost));
  }
}

}  // namespace coordhub::base
